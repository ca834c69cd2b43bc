import t, { type Test } from 'tap'
import * as fc from 'fast-check'
import type { SessionEngine } from '../../src/domain/session-engine.ts'
import type { Ticket } from '../../src/domain/session-record.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import {
  liveSession,
  MINUTE_MS,
  SECOND_MS,
  sessionBed,
  settle,
  type SessionBed,
} from './session-bed.ts'

const DELAYED = [
  'create',
  'read',
  'compareAndSet',
  'touch',
  'end',
  'endByIndex',
  'remember',
  'recall',
  'lock',
  'unlock',
] as const

/** Every call takes its way to the store and back in an order that fast-check chooses. */
function delayStore({ breaks }: SessionBed, scheduler: fc.Scheduler): void {
  const { inner, instead } = breaks
  const delayed = Object.fromEntries(
    DELAYED.map((name) => {
      const call = inner[name] as (...values: unknown[]) => Promise<unknown>
      const onItsWay = async (...values: unknown[]): Promise<unknown> => {
        await scheduler.schedule(Promise.resolve(), `${name} goes`)
        const answer = await call(...values)
        await scheduler.schedule(Promise.resolve(), `${name} returns`)
        return answer
      }
      return [name, onItsWay]
    }),
  )
  Object.assign(instead, delayed)
}

function undelayed({ breaks }: SessionBed): SessionStore {
  for (const name of DELAYED) delete breaks.instead[name]
  return breaks.inner
}

/** Lets the scheduler choose until the work and all that it left behind is done. */
async function drain<Result>(scheduler: fc.Scheduler, work: Promise<Result>): Promise<Result> {
  const state = { isDone: false }
  const done = work.finally(() => (state.isDone = true))
  while (!state.isDone || scheduler.count() > 0) {
    if (scheduler.count() > 0) await scheduler.waitOne()
    await settle()
  }
  return done
}

type Step = 'use' | 'passive' | 'logout' | 'sid' | 'signIn' | 'token' | 'force' | 'touch'

const STEPS: Step[] = [
  'use',
  'passive',
  'token',
  'token',
  'force',
  'touch',
  'logout',
  'sid',
  'signIn',
]

async function run(
  step: Step,
  engine: SessionEngine,
  bed: SessionBed,
  ticket: Ticket,
): Promise<void> {
  if (step === 'logout') await engine.end(ticket, 'session_revoked')
  if (step === 'sid') await engine.endBySid('https://op.example', 'sid 0')
  if (step === 'signIn') await engine.create(bed.signIn({ sid: 'another sid' }), ticket)
  if (step === 'passive') await engine.find(ticket, 'passive')
  if (step === 'touch') engine.peek(ticket)
  if (step === 'use') await engine.find(ticket)
  if (step !== 'token' && step !== 'force') return
  const found = engine.peek(ticket) ?? (await engine.find(ticket))
  if (found === undefined || 'ended' in found) return
  await (step === 'token' ? engine.accessToken(found) : engine.refresh(found))
}

const ENDS: Step[] = ['logout', 'sid', 'signIn']

async function neverResurrected(t: Test, scheduler: fc.Scheduler, steps: Step[]): Promise<boolean> {
  const bed = sessionBed(t)
  const engines = [bed.engine, bed.replica()]
  const { ticket, session } = await bed.live()
  await engines[1]?.find(ticket)
  await bed.clock.advance(10 * MINUTE_MS) // the token has expired, the idle end is worth moving
  delayStore(bed, scheduler)
  const work = steps.map((step, at) => run(step, engines[at % 2] as SessionEngine, bed, ticket))
  await drain(scheduler, Promise.all(work))
  undelayed(bed)
  const isEnded = steps.some((step) => ENDS.includes(step))
  return isEnded === (await isDead(bed, engines, ticket, session.key))
}

async function isDead(
  bed: SessionBed,
  engines: SessionEngine[],
  ticket: Ticket,
  key: string,
): Promise<boolean> {
  const copies = engines.map((engine) => engine.peek(ticket))
  const stored = await bed.store.read(key)
  const found = await Promise.all(engines.map((engine) => engine.find(ticket)))
  const signs = [...copies.map(Boolean), stored !== undefined && 'sealed' in stored]
  for (const one of found) signs.push(one !== undefined && 'ticket' in one)
  return !signs.includes(true)
}

t.test(
  'AT-20 whatever refreshes, uses and ends cross each other: what ended stays dead',
  async (t) => {
    const steps = fc.array(fc.constantFrom(...STEPS), { minLength: 2, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), steps, (scheduler, chosen) =>
        neverResurrected(t, scheduler, chosen),
      ),
      { numRuns: 300, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    )
  },
)

t.test(
  'AT-19 however calls of two replicas cross each other: no token is presented twice',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 2, max: 10 }),
        async (scheduler, calls) => {
          const bed = sessionBed(t, { tokenLifeMs: 4 * SECOND_MS })
          const engines = [bed.engine, bed.replica()]
          const { ticket } = await bed.live()
          await bed.clock.advance(4 * SECOND_MS)
          delayStore(bed, scheduler)
          const work = Array.from({ length: calls }, async (_, at) => {
            const engine = engines[at % 2] as SessionEngine
            return engine.accessToken(liveSession(await engine.find(ticket)))
          })
          const tokens = await drain(scheduler, Promise.all(work))
          undelayed(bed)
          const values = tokens.map((token) => ('value' in token ? token.value : token.ended))
          return (
            new Set(values).size === 1 && values[0] === 'access 1' && bed.presented.length === 1
          )
        },
      ),
      { numRuns: 100, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
    )
  },
)

const BY_SID = { issuer: 'https://op.example', sid: 'sid 0', subject: 'alice' }
const BY_SUBJECT = { issuer: 'https://op.example', subject: 'alice' }

t.test(
  'LO-11 LO-9 however a sign-out and a login cross each other: nothing of it comes alive',
  async (t) => {
    const whom = fc.constantFrom(BY_SID, BY_SUBJECT)
    const logins = fc.integer({ min: 1, max: 4 })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), whom, logins, async (scheduler, whom, count) => {
        const bed = sessionBed(t)
        const replica = bed.replica()
        const startedAtMs = bed.clock.wallMs()
        delayStore(bed, scheduler)
        const out = replica.endByProvider({ ...whom, jti: 'jti', validUntilMs: startedAtMs + 1 })
        const created = Array.from({ length: count }, () =>
          bed.engine.create(bed.signIn({ startedAtMs }), undefined).catch(() => undefined),
        )
        const tickets = await drain(
          scheduler,
          out.then(() => Promise.all(created)),
        )
        undelayed(bed)
        const found = await Promise.all(
          tickets.flatMap((ticket) => (ticket === undefined ? [] : [bed.engine.find(ticket)])),
        )
        const stored = await bed.store.count()
        return stored === 0 && found.every((one) => one === undefined || 'ended' in one)
      }),
      { numRuns: 300, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    )
  },
)

import * as fc from 'fast-check'
import t from 'tap'
import type { RequestFinished } from '../../src/domain/events.ts'
import { createLiveTransfers, type LiveTransfer } from '../../src/proxy/live-transfers.ts'
import { HeldClient } from '../support/held-client.ts'
import { openRoute, startProxied, type Proxied } from '../support/proxied.ts'
import { scriptedPools, type ScriptedCall, type ScriptedPools } from '../support/scripted-call.ts'
import { readAnswer } from '../support/wire-answer.ts'
import { ExchangeModel, type ModelHead } from './exchange-model.ts'

const RUNS = { numRuns: 1_500, seed: 20_260_801, interruptAfterTimeLimit: 25_000 }
const MAX_BODY_BYTES = 1_000

interface Asked {
  readonly method: string
  readonly version: string
  readonly takesTrailers: boolean
}

type Step =
  | { readonly act: 'connect' | 'hold' | 'release' | 'leave' | 'tick' | 'silence' | 'shutdown' }
  | { readonly act: 'interim'; readonly status: number }
  | { readonly act: 'head'; readonly head: ModelHead }
  | { readonly act: 'data' | 'upload'; readonly bytes: number }
  | { readonly act: 'complete'; readonly trailers: boolean }
  | { readonly act: 'error'; readonly reused: boolean }

type Timed = Step & { readonly settles: boolean }

const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST'),
  version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
  takesTrailers: fc.boolean(),
})

const plain: readonly ModelHead[] = [
  { status: 200, headers: ['x-upstream', 'yes'], declaredBytes: -1 },
  { status: 200, headers: ['content-type', 'text/event-stream'], declaredBytes: -1, endless: true },
  { status: 204, headers: [], declaredBytes: 0 },
  { status: 304, headers: ['content-length', '12'], declaredBytes: 0 },
  { status: 600, headers: [], declaredBytes: -1, refusedAs: 'upstream_protocol_error' },
  ...[
    ['transfer-encoding', 'gzip, chunked'],
    ['x-odd', 'a\u0001b'],
  ].map((headers): ModelHead => {
    return { status: 200, headers, declaredBytes: -1, refusedAs: 'upstream_protocol_error' }
  }),
]

const sized = fc.constantFrom(0, 1, 12, 250, 700, 5_000, 40_000).map((declaredBytes): ModelHead => {
  return { status: 200, headers: ['content-length', String(declaredBytes)], declaredBytes }
})

const head = fc.oneof({ weight: 2, arbitrary: sized }, fc.constantFrom(...plain))
const bytes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1, 5, 1_024, 17_000))

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom('connect', 'hold', 'release', 'tick').map((act): Step => ({ act })),
  { weight: 4, arbitrary: bytes.map((bytes): Step => ({ act: 'data', bytes })) },
  { weight: 2, arbitrary: head.map((head): Step => ({ act: 'head', head })) },
  fc.constantFrom('leave', 'silence', 'shutdown').map((act): Step => ({ act })),
  fc.constantFrom(100, 102, 103, 103, 99).map((status): Step => ({ act: 'interim', status })),
  fc.integer({ min: 1, max: 600 }).map((bytes): Step => ({ act: 'upload', bytes })),
  fc.boolean().map((trailers): Step => ({ act: 'complete', trailers })),
  fc.boolean().map((reused): Step => ({ act: 'error', reused })),
)

/** Most runs get as far as an answer: a script of mere chance would hardly ever. */
const script: fc.Arbitrary<Timed[]> = fc
  .tuple(fc.boolean(), head, fc.array(fc.tuple(step, fc.boolean()), { maxLength: 24 }))
  .map(([opens, head, steps]) => {
    const opening: Step[] = opens ? [{ act: 'connect' }, { act: 'head', head }] : []
    return [
      ...opening.map((step) => ({ ...step, settles: true })),
      ...steps.map(([step, settles]) => ({ ...step, settles })),
    ]
  })

t.test('an exchange does what its model does, however both sides interleave', async (t) => {
  const pools = scriptedPools()
  const watched: LiveTransfer[] = []
  const transfers = { ...createLiveTransfers(), ...listing(watched) }
  const route = openRoute('/*', 'http://upstream.example', { maxBodyBytes: MAX_BODY_BYTES })
  const proxied = await startProxied(t, [route], { parts: { pools, transfers } })
  const outcomes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(asked, script, async (request, steps) => {
      const run = await begin(proxied, pools, watched, request)
      for (const step of steps) await play(run, step)
      await finish(run)
      check(run)
      const kind = run.model.outcome?.kind ?? 'none'
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
    }),
    RUNS,
  )
  for (const kind of ['whole', 'left', 'broken', 'refused'])
    t.ok((outcomes.get(kind) ?? 0) > 50, `${kind}: ${outcomes.get(kind)} runs`)
  t.equal(pools.pool.calls, 0)
  t.same(watched, [])
})

function listing(watched: LiveTransfer[]) {
  return {
    add: (transfer: LiveTransfer) => void watched.push(transfer),
    remove: (transfer: LiveTransfer) => void watched.splice(watched.indexOf(transfer), 1),
  }
}

interface Run {
  readonly request: Asked
  readonly client: HeldClient
  readonly model: ExchangeModel
  readonly pools: ScriptedPools
  readonly watched: readonly LiveTransfer[]
  readonly told: () => readonly RequestFinished[]
  /** The client has left, but nobody may have been told yet. */
  leaving: boolean
  hasLeft: boolean
  hasTrailers: boolean
}

async function begin(
  { server, events }: Proxied,
  pools: ScriptedPools,
  watched: readonly LiveTransfer[],
  request: Asked,
): Promise<Run> {
  const before = events.length
  pools.calls.length = 0
  const client = new HeldClient()
  server.emit('connection', client)
  const lines = [
    `${request.method} / HTTP/${request.version}`,
    'host: localhost',
    ...(request.takesTrailers ? ['te: trailers', 'connection: te'] : []),
    ...(request.method === 'POST' ? ['content-length: 4'] : []),
  ]
  client.send(`${lines.join('\r\n')}\r\n\r\n${request.method === 'POST' ? 'body' : ''}`)
  while (pools.calls.length === 0) await settle()
  return {
    request,
    client,
    model: new ExchangeModel({ method: request.method, maxBodyBytes: MAX_BODY_BYTES }),
    pools,
    watched,
    told: () =>
      events.slice(before).filter((event): event is RequestFinished => isFinished(event.type)),
    leaving: false,
    hasLeft: false,
    hasTrailers: false,
  }
}

function isFinished(type: string): boolean {
  return type === 'request_finished'
}

async function play(run: Run, step: Timed): Promise<void> {
  const call = run.pools.calls.at(-1) as ScriptedCall
  const isLate = run.model.outcome !== undefined
  if (isLate || isPossible(run, call, step)) await act(run, call, step)
  if (step.settles) await settled(run)
}

/** What undici would never do while a call is under way. Once it is over, everything is tried. */
function isPossible(run: Run, call: ScriptedCall, step: Step): boolean {
  switch (step.act) {
    case 'connect':
      return call.phase === 'waiting'
    case 'interim':
    case 'head':
      return call.phase === 'connected'
    case 'data':
    case 'complete':
      return call.phase === 'answering' && !call.isPaused && left(run) !== 0
    case 'upload':
      return run.request.method === 'POST' && call.phase !== 'waiting'
    default:
      return true
  }
}

/** Octets the upstream still owes, or -1. */
function left({ model }: Run): number {
  const declaredBytes = model.head?.declaredBytes ?? -1
  return declaredBytes < 0 ? -1 : declaredBytes - model.body.length
}

async function act(run: Run, call: ScriptedCall, step: Step): Promise<void> {
  const { model, client } = run
  switch (step.act) {
    case 'connect':
      return call.connect()
    case 'interim':
      if (model.outcome === undefined) model.interim(step.status)
      return call.head(step.status, ['link', '</a.css>; rel=preload'])
    case 'head':
      return answer(run, call, step.head)
    case 'data':
      return pass(run, call, step.bytes)
    case 'upload':
      if (model.outcome === undefined) model.uploaded(step.bytes)
      return call.sent(step.bytes)
    case 'complete':
      return complete(run, call, step.trailers)
    case 'error':
      return fail(run, call, step.reused)
    case 'hold':
      return client.hold()
    case 'release':
      return client.release()
    case 'leave':
      run.leaving = true
      return void client.destroy()
    case 'tick':
      return run.watched.at(-1)?.onTick()
    case 'silence':
      return silence(run, call)
    case 'shutdown':
      model.shutDown()
      return run.watched.find(({ endless }) => endless)?.endStream()
  }
}

function answer(run: Run, call: ScriptedCall, head: ModelHead): void {
  const { model, request } = run
  const declaredBytes = request.method === 'HEAD' ? 0 : head.declaredBytes
  if (model.outcome === undefined) {
    const { endless, ...other } = head
    model.answered({
      ...other,
      declaredBytes,
      ...(endless && declaredBytes < 0 ? { endless } : {}),
    })
  }
  call.head(head.status, head.headers)
  if (declaredBytes === 0 && head.status === 200 && model.outcome === undefined)
    complete(run, call, false)
}

function pass(run: Run, call: ScriptedCall, wanted: number): void {
  const { model } = run
  const owed = left(run)
  const bytes = owed < 0 ? wanted : Math.min(owed, wanted)
  const start = model.body.length
  const chunk = Buffer.from(Array.from({ length: bytes }, (_, at) => (start + at) % 256))
  if (model.outcome === undefined) model.got(chunk)
  call.data(chunk)
  if (owed === bytes && model.outcome === undefined) complete(run, call, false)
}

function complete(run: Run, call: ScriptedCall, trailers: boolean): void {
  const { model } = run
  if (model.outcome === undefined && left(run) > 0) return // undici would call this an error
  if (model.outcome === undefined) run.hasTrailers = trailers && run.request.takesTrailers
  model.completed()
  call.complete(trailers ? ['x-sum', '42', 'set-cookie', 'a=b'] : [])
}

function fail(run: Run, call: ScriptedCall, reused: boolean): void {
  const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  if (reused) run.pools.reused.add(error)
  const asked = run.pools.calls.length
  const outcome = run.model.outcome === undefined ? run.model.failed(reused) : 'ends'
  call.fail(error)
  const expected = outcome === 'asks again' ? asked + 1 : asked
  if (run.pools.calls.length !== expected) throw new Error(`asked ${run.pools.calls.length} times`)
}

/** The watch asks for patience first, and looks between two turns of the loop. */
async function silence(run: Run, call: ScriptedCall): Promise<void> {
  await settled(run)
  const transfer = run.watched.at(-1)
  if (transfer === undefined || transfer.patienceTicks() === 0) return
  if (call.isPaused) run.leaving = true
  else run.model.silent()
  transfer.onSilence()
}

async function settled(run: Run): Promise<void> {
  await settle()
  if (run.leaving && !run.hasLeft) {
    run.hasLeft = true
    run.model.left()
  }
  const call = run.pools.calls.at(-1) as ScriptedCall
  const isHeldBack = call.isPaused && run.model.outcome === undefined
  if (isHeldBack && !run.client.isHeld) throw new Error('the upstream is held for nothing')
}

async function finish(run: Run): Promise<void> {
  run.client.release()
  await settled(run)
  if (run.model.outcome === undefined)
    await play(run, { act: 'error', reused: false, settles: true })
  for (let turn = 0; turn < 50 && run.told().length === 0; turn++) await settle()
  await settle()
}

function check(run: Run): void {
  const { model, client, pools } = run
  const told = run.told()
  equal('told once', told.length, 1)
  const [event] = told as [RequestFinished]
  const outcome = model.outcome as NonNullable<typeof model.outcome>
  equal('reason', event.reason, 'reason' in outcome ? outcome.reason : undefined)
  if (outcome.kind === 'whole' || outcome.kind === 'broken')
    equal('status', event.status, model.head?.status)
  if (outcome.kind === 'left') equal('left', event.clientLeft, true)
  equal('live', run.watched.length, 0)
  equal('calls', pools.pool.calls, 0)
  const call = pools.calls.at(-1) as ScriptedCall
  if (outcome.kind !== 'whole' && call.phase !== 'waiting') equal('over', call.phase, 'over')
  equal('late resumes', call.lateResumes, 0)
  checkWire(run, outcome.kind)
  client.destroy()
}

function checkWire(run: Run, kind: string): void {
  const { model, client, request } = run
  const wire = readAnswer(client.received, request.method)
  if (wire.heads > 1) throw new Error(`${wire.heads} heads`)
  if (request.version === '1.1' && !run.hasLeft) equal('hints', wire.hints, model.hints)
  if (kind === 'refused') {
    if (!run.hasLeft) equal('refused', wire.status >= 400, true)
    return
  }
  const sent = request.method === 'HEAD' ? Buffer.alloc(0) : model.body
  equal('octets in order', sent.subarray(0, wire.body.length).equals(wire.body), true)
  const endsByItself = wire.isWhole ?? (client.ended && kind === 'whole')
  if (kind === 'whole' && !run.hasLeft) {
    equal('whole', endsByItself, true)
    equal('all octets', wire.body.length, sent.length)
    equal('trailers', wire.trailers, run.hasTrailers && wire.isChunked ? 'x-sum: 42' : '')
  }
  if (kind === 'broken' && model.head?.declaredBytes !== 0) equal('broken', endsByItself, false)
}

function equal(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, wanted ${String(wanted)}`)
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

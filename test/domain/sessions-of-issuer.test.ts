import t from 'tap'
import { sessionsOfIssuer } from '../../src/domain/sessions-of-issuer.ts'
import { liveSession, sessionBed } from './session-bed.ts'

t.test(
  'AT-4 a session is there for its own provider, and no other sees it or its tokens',
  async (t) => {
    const bed = sessionBed(t)
    const own = sessionsOfIssuer(bed.engine, 'https://op.example')
    const other = sessionsOfIssuer(bed.engine, 'https://other.example')
    const { ticket } = await bed.live()
    t.ok(own.peek(ticket))
    t.ok(liveSession(await own.find(ticket)))
    t.equal(other.peek(ticket), undefined)
    t.equal(await other.find(ticket), undefined)
    t.equal(
      await other.end(ticket, 'session_revoked'),
      undefined,
      'nothing to revoke or to hint with',
    )
    t.same(await own.find(ticket), { ended: 'session_revoked' }, 'but who has the ticket ends it')
  },
)

import { pino } from 'pino'
import type { Emit, GatewayEvent, RequestFinished } from '../domain/events.ts'
import { accessLine } from './access-line.ts'
import { SAMPLED_EVENTS, eventLine } from './event-line.ts'
import { createLineBudget } from './line-budget.ts'
import type { LogDestination } from './log-destination.ts'
import type { Metrics } from './metrics.ts'
import { createPseudonyms } from './pseudonym.ts'

export interface TelemetryOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  readonly destination: LogDestination
  readonly metrics: Metrics
  /** Keys the pseudonyms of subjects and session ids. */
  readonly pseudonymKey: Uint8Array
  readonly nowMs: () => number
}

export interface Telemetry {
  readonly emit: Emit
  /** One line about the process itself; the caller vouches for the fields. */
  readonly say: (level: 'info' | 'warn' | 'error', text: string, fields?: object) => void
  /** Writes out what is buffered; nothing is written after. */
  readonly flush: () => Promise<void>
}

/** Turns events into log lines, audit lines and metrics: the only room that knows pino (DESIGN §2). */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { destination, metrics } = options
  const log = createLog(options.level, destination)
  const pseudonym = createPseudonyms(options.pseudonymKey)
  const budget = createLineBudget()
  const writeEvent = (event: Exclude<GatewayEvent, RequestFinished>) => {
    const limit = SAMPLED_EVENTS.get(event.type)
    const pass = limit === undefined ? PASS : budget(event.type, limit, options.nowMs())
    if (!pass.write) return
    const { level, fields, text } = eventLine(event, pseudonym)
    log[level](pass.suppressed > 0 ? { ...fields, suppressed: pass.suppressed } : fields, text)
  }
  return {
    emit: (event) => {
      metrics.observe(event)
      if (event.type !== 'request_finished') return writeEvent(event)
      log[event.status >= 500 ? 'warn' : 'info'](accessLine(event, pseudonym), 'request')
    },
    say: (level, text, fields = {}) => log[level](fields, text),
    flush: async () => destination.flush(),
  }
}

const PASS = { write: true, suppressed: 0 }

function createLog(level: string, destination: LogDestination) {
  return pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
}

/** UTC in ISO 8601. Lines of the same millisecond share the text: making it costs a tenth of a line. */
function createTimestamp(): () => string {
  let madeAtMs = 0
  let text = ''
  return () => {
    const nowMs = Date.now()
    if (nowMs !== madeAtMs) {
      madeAtMs = nowMs
      text = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return text
  }
}

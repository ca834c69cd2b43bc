import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { stopServers } from './servers.ts'
import { skipped } from './target.ts'

/** A part of a benchmark that stands alone: when it fails or takes too long, the others are measured all the same. */
export interface Section {
  readonly name: string
  /** How long it may take; the run as a whole takes no longer than all of these together. */
  readonly minutesAtMost: number
  /** Rows of the table of targets. */
  readonly measure: () => Promise<readonly string[]>
  /** The servers are wanted by the next section, too. */
  readonly keepsServers?: true
}

/** What came of the sections so far. */
export interface SectionResults {
  readonly rows: readonly string[]
  /** One line of who took how long, for the page. */
  readonly took: string
}

const LOOK_MS = 2_000

/** Measures one after the other and tells after each what there is. */
export async function measureSections(
  sections: readonly Section[],
  tell: (results: SectionResults) => void,
): Promise<void> {
  const rows: string[] = []
  const minutes: string[] = []
  for (const [at, section] of sections.entries()) {
    const startedAtMs = performance.now()
    rows.push(...(await measured(section)))
    const taken = (performance.now() - startedAtMs) / 60_000
    minutes.push(`${section.name} ${taken.toFixed(1)}`)
    console.error(`${section.name}: ${taken.toFixed(1)} minutes`)
    if (section.keepsServers !== true) await stopServers()
    const left = sections.slice(at + 1).map(({ name }) => `| ${name} | not measured yet | | |`)
    tell({ rows: [...rows, ...left], took: minutes.join(', ') })
  }
}

async function measured({ name, minutesAtMost, measure }: Section): Promise<readonly string[]> {
  const stop = new AbortController()
  const late = pause(minutesAtMost * 60_000, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`it took more than ${minutesAtMost} minutes`)
  })
  const work = measure()
  try {
    return await Promise.race([work, late])
  } catch (error) {
    work.catch(() => undefined) // its servers are gone by then
    return [skipped(name, (error as Error).message.split('\n', 1)[0] ?? '')]
  } finally {
    stop.abort()
    late.catch(() => undefined)
  }
}

/** Which share of all cores is busy with whatever runs here besides, in percent: figures of a busy machine say less. */
export async function busyPercent(): Promise<number> {
  const before = coreTimes()
  await pause(LOOK_MS)
  const after = coreTimes()
  const [all, idle] = [after.all - before.all, after.idle - before.idle]
  return all === 0 ? 0 : (100 * (all - idle)) / all
}

function coreTimes(): { readonly all: number; readonly idle: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  const ticks = line.split(/\s+/).slice(1, 9).map(Number) // user to steal; guest is in user
  return {
    all: ticks.reduce((sum, one) => sum + one, 0),
    idle: (ticks[3] ?? 0) + (ticks[4] ?? 0),
  }
}

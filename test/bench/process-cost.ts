import { existsSync, readdirSync, readFileSync } from 'node:fs'

const MICROSECONDS_PER_TICK = 10_000 // USER_HZ is 100 on every Linux that Node runs on

/** CPU time so far of a process and all its descendants, all threads, user and system, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  return family(pid)
    .map(ownMicroseconds)
    .reduce((sum, time) => sum + time, 0)
}

/** Resident memory of one process in octets. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024
}

/** The process and its descendants: workers of a server are its children. */
function family(pid: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  const parents = new Map(pids.map((one) => [one, Number(statOf(one)[1])]))
  const isOf = (one: number | undefined): boolean =>
    one !== undefined && (one === pid || isOf(parents.get(one)))
  return pids.filter(isOf)
}

/** From the scheduler, which counts nanoseconds, or else in ticks of 10 ms. */
function ownMicroseconds(pid: number): number {
  if (!existsSync(`/proc/${pid}/task`)) return 0
  const threads = readdirSync(`/proc/${pid}/task`)
  const times = threads.map((thread) => schedulerTime(`/proc/${pid}/task/${thread}/schedstat`))
  const fields = statOf(pid)
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  return times.reduce((sum, time) => sum + time, 0) || ticks * MICROSECONDS_PER_TICK
}

function schedulerTime(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1_000 : 0
}

/** The fields of `/proc/PID/stat` behind the name; none when the process has ended. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

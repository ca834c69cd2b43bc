import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { awaitProcessEnd } from '../../src/commands/process-end.ts'

const MODULE = new URL('../../src/commands/process-end.js', import.meta.url).href

/** A process that waits for its end, after doing `mischief`; says why it ended. */
async function ending(mischief: string) {
  const script = `
    const { awaitProcessEnd } = await import(${JSON.stringify(MODULE)})
    const ending = awaitProcessEnd(undefined, (cause) => console.log('failure ' + cause.message))
    const alive = setInterval(() => {}, 1000)
    setTimeout(() => { ${mischief} }, 10)
    const { why, exitCode } = await ending.ended
    console.log('ended ' + why)
    clearInterval(alive)
    ending.stop()
    process.exitCode = exitCode`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const [code] = (await once(child, 'close')) as [number]
  return { code, text }
}

t.test('P5 an exception nobody caught is told, drains, and exits with 1', async (t) => {
  const thrown = await ending(`throw new Error('oops')`)
  t.match(thrown, { code: 1, text: /failure oops[\s\S]*ended / })
})

t.test('ER-12 a rejection nobody caught is told and ends nothing', async (t) => {
  const rejected = await ending(
    `Promise.reject(new Error('oops')); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)`,
  )
  t.match(rejected, { code: 0, text: /failure oops[\s\S]*ended SIGTERM/ })
})

for (const signal of ['SIGTERM', 'SIGINT']) {
  t.test(`${signal} ends with 0`, async (t) => {
    t.match(await ending(`process.kill(process.pid, '${signal}')`), {
      code: 0,
      text: `ended ${signal}`,
    })
  })
}

t.test('the caller may end it too, and nothing stays behind in the process', async (t) => {
  const before = process.listenerCount('uncaughtException')
  const caller = new AbortController()
  const { ended, stop } = awaitProcessEnd(caller.signal, () => undefined)
  caller.abort()
  t.match(await ended, { exitCode: 0 })
  stop()
  t.equal(process.listenerCount('uncaughtException'), before)
  const late = awaitProcessEnd(caller.signal, () => undefined)
  t.match(await late.ended, { exitCode: 0 })
  late.stop()
})

import { parseArgs } from 'node:util'
import { machine, writeSection } from './benchmark-page.ts'
import { createClosers } from './closers.ts'
import { measureStoreSpeed } from './store-speed.ts'
import { measureStoreSizes } from './store-sizes.ts'

/**
 * What each session store costs per request, and what each session takes: `npm run bench:stores`. With `--write` the
 * figures go into docs/benchmarks.md. Absolute times are those of this machine; the ratios to memory are the measure.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '1' }, // many short rounds: what else runs here is then in all of them
    sessions: { type: 'string', default: '10000,100000' },
    write: { type: 'boolean', default: false },
  },
})
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), 32]

const closers = createClosers()
const speed = await measureStoreSpeed(closers, { rounds, seconds, connections })
const counts = values.sessions.split(',').map(Number)
const { sizes, rows } = await measureStoreSizes(closers, counts)
await closers.closeAll()

const text = `## Session stores

\`npm run bench:stores -- --write\` measures and writes this section. It needs \`redis-server\`; \`wrk\` and \`nginx\` are used where
they are. Last run on ${machine()}.

### A request with a session

One gateway process for each store, one signed-in user, ${connections} connections, ${rounds} rounds. In a round each is loaded for ${seconds} s, one
after the other, and then again in the opposite order, so that a machine that gets slower is slower for all. CPU is that of
the gateway's process, user and system, all threads. Ratios are to the mean of the two processes with \`memory\` in the same
round: median (quartiles). What those two differ by is the measuring. Without its channel means that Redis is up but refuses subscriptions, so that every request has to ask it.

| store | CPU µs/request | ratio | requests/s | ratio | not 200 |
|---|---|---|---|---|---|
${speed.join('\n')}

### What a session takes

Octets per session, from sessions whose tokens are ${sizes.tokenBytes} octets (access token and ID token of 1.2 KB each, refresh token of 64)
and sealed, with claims and all else, ${sizes.sealedBytes}. Each was made as a login makes it and used once. A process keeps at most 10,000
sessions and 10,000 cookies opened, whatever the store: that is why fewer sessions take more each.

| store | sessions | private memory of the process | pages of the file, given back when memory is short | in Redis (\`used_memory\`) or on disk | as the store counts |
|---|---|---|---|---|---|
${rows.join('\n')}
`
console.log(text)
if (values.write) writeSection('session-stores', text)
process.exit(0)

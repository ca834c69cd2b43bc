import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url))
const TITLE = '# Benchmarks\n'

/** Puts Markdown between `<!-- NAME:start -->` and `<!-- NAME:end -->` of docs/benchmarks.md; at its end when it is new. */
export function writeSection(name: string, markdown: string): void {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : TITLE
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const section = `${start}\n${markdown.trim()}\n${end}`
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  const isThere = from !== -1 && to > from
  const text = isThere
    ? page.slice(0, from) + section + page.slice(to + end.length)
    : `${page.trimEnd()}\n\n${section}\n`
  writeFileSync(PAGE, text)
}

/** What the figures were measured on, without the name of a machine. */
export function machine(): string {
  const [first] = cpus()
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, Node ${process.version}`
}

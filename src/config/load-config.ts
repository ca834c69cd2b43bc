import { basename, dirname } from 'node:path'
import { LineCounter } from 'yaml'
import { buildConfig } from './build-config.ts'
import { ConfigError, type Diagnostic } from './config-error.ts'
import { nameOfPath, type Path } from './decode-report.ts'
import { decode, type Decoded } from './decode.ts'
import { fileReader } from './file-reader.ts'
import type { GatewayConfig } from './gateway-config.ts'
import type { PlaceholderSource } from './interpolation.ts'
import type { Finding } from './located-node.ts'
import type { Draft, RuleReport } from './rules/draft.ts'
import { checkFile } from './rules/file-rules.ts'
import { checkEndpoints } from './rules/endpoint-rules.ts'
import { checkListeners } from './rules/listener-rules.ts'
import { checkForwardAuth } from './rules/forward-auth-rules.ts'
import { checkIdentity } from './rules/identity-rules.ts'
import { checkLoginLimit } from './rules/login-limit-rules.ts'
import { checkProvider } from './rules/provider-rules.ts'
import { checkRedis } from './rules/redis-rules.ts'
import { checkProviders } from './rules/several-providers-rules.ts'
import { checkRoutes } from './rules/route-rules.ts'
import { checkSession } from './rules/session-rules.ts'
import { checkTokens } from './rules/token-rules.ts'
import { configTree, type LoadedTree } from './schema/config-schema.ts'
import { readYamlTree } from './yaml-tree.ts'

/** A usable configuration, and what should be known about it. */
export interface LoadedConfig {
  readonly config: GatewayConfig
  /** Insecure but allowed settings, one each (STANDARDS CF-4). */
  readonly warnings: readonly Diagnostic[]
}

/** The same, with its places in the file. */
export interface LoadedFile extends LoadedConfig {
  /** Where a key stands in the file. */
  readonly lineOf: (path: Path) => number
  /** False for secrets, and for what came from the environment or a file. */
  readonly mayShow: (path: Path) => boolean
}

/**
 * The configuration of a file, with everything it refers to read.
 *
 * @throws ConfigError: the file cannot be used; all problems at once, none showing a secret
 */
export function loadConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): LoadedFile {
  const readFile = fileReader(dirname(file))
  const text = readFile(basename(file))
  if ('wrong' in text) throw new ConfigError([{ file, message: `${text.wrong}${WHICH_FILE}` }])
  return parseConfig(text.value, file, { env, readFile })
}

/**
 * The configuration of a text; `file` is only its name in messages.
 *
 * @throws ConfigError as loadConfig
 */
export function parseConfig(text: string, file: string, source: PlaceholderSource): LoadedFile {
  const places = new Places(text, file)
  const { root, findings } = readYamlTree(text)
  if (root === undefined) throw places.error(findings.length > 0 ? findings : [EMPTY])
  const decoded = decode(root, configTree, source)
  const report = checkRules(decoded, places)
  const problems = [...findings, ...decoded.report.findings, ...report.problems]
  if (problems.length > 0) throw places.error(problems)
  return {
    config: buildConfig(decoded.value as LoadedTree),
    warnings: places.diagnostics(report.warnings),
    lineOf: (path) => places.lineOf(decoded.report.offsetOf(path)),
    mayShow: (path) => decoded.report.mayShow(path),
  }
}

const WHICH_FILE = '; --config FILE or $BEARERGATE_CONFIG says which file it is'

const EMPTY: Finding = {
  offset: 0,
  message: 'the file is empty: publicUrl, provider, session and routes are needed',
}

function checkRules(decoded: Decoded, places: Places) {
  const problems: Finding[] = []
  const warnings: Finding[] = []
  const finding = (path: Parameters<RuleReport['problem']>[0], message: string): Finding => ({
    offset: decoded.report.offsetOf(path),
    name: nameOfPath(path),
    message,
  })
  const report: RuleReport = {
    problem: (path, message) => void problems.push(finding(path, message)),
    warning: (path, message) => void warnings.push(finding(path, message)),
    isWritten: (path) => decoded.report.isWritten(path),
    shown: (path, value) => (decoded.report.mayShow(path) ? JSON.stringify(value) : 'the value'),
    lineOf: (path) => places.lineOf(decoded.report.offsetOf(path)),
  }
  for (const check of [
    checkListeners,
    checkProviders,
    checkProvider,
    checkEndpoints,
    checkSession,
    checkFile,
    checkRedis,
    checkForwardAuth,
    checkIdentity,
    checkLoginLimit,
    checkRoutes,
    checkTokens,
  ]) {
    check(decoded.value as Draft, report)
  }
  return { problems, warnings }
}

/** Turns offsets into lines and columns of one file. */
class Places {
  readonly #lines = new LineCounter()
  readonly #file: string

  constructor(text: string, file: string) {
    this.#file = file
    this.#lines.addNewLine(0)
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1))
      this.#lines.addNewLine(at + 1)
  }

  lineOf(offset: number): number {
    return this.#lines.linePos(offset).line
  }

  error(findings: readonly Finding[]): ConfigError {
    return new ConfigError(this.diagnostics(findings))
  }

  /** In the order of the file, each once: an alias makes one mistake count twice. */
  diagnostics(findings: readonly Finding[]): Diagnostic[] {
    const sorted = findings.toSorted((a, b) => a.offset - b.offset)
    const unique = new Map<string, Finding>()
    for (const finding of sorted) {
      const key = `${finding.offset} ${finding.message}`
      if (!unique.has(key)) unique.set(key, finding)
    }
    return [...unique.values()].map(({ offset, name = '', message }) => {
      const { line, col } = this.#lines.linePos(offset)
      const text = name === '' ? message : `${name}: ${message}`
      return { file: this.#file, line, column: col, message: text }
    })
  }
}

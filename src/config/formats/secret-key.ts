import { accepted, refused, type Parsed } from './parsed.ts'

const KEY_BYTES = 32
/** 32 random bytes have 30 different ones on average; fewer than 18 never happens by chance. */
const LEAST_DIFFERENT_BYTES = 18

/** How to get a good one, said wherever one is missing or bad. */
export const HOW_TO_MAKE_A_SECRET =
  'make one with `openssl rand -base64 32` or `node -p "crypto.randomBytes(32).toString(\'base64\')"`'

/** 32 random bytes in base64, base64url or hex (STACK C2, SE-16). Never says anything of the value but its length. */
export function parseSecretKey(text: string): Parsed<Uint8Array> {
  const bytes = decodeKey(text)
  if (bytes === undefined) {
    return refused(`is not base64, base64url or hex: ${HOW_TO_MAKE_A_SECRET}`)
  }
  if (bytes.length !== KEY_BYTES) {
    return refused(
      `holds ${bytes.length} bytes, but ${KEY_BYTES} are needed: ${HOW_TO_MAKE_A_SECRET}`,
    )
  }
  if (isGuessable(bytes)) return refused(`is not random: ${HOW_TO_MAKE_A_SECRET}`)
  return accepted(new Uint8Array(bytes))
}

function decodeKey(text: string): Buffer | undefined {
  if (/^([0-9a-f]{2})+$/i.test(text) && text.length === 2 * KEY_BYTES)
    return Buffer.from(text, 'hex')
  if (!/^([A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64') // Node's decoder reads the base64url alphabet too
}

/** Text, a run of steps or a few bytes repeated: a placeholder, not the work of a random generator. */
function isGuessable(bytes: Buffer): boolean {
  if (new Set(bytes).size < LEAST_DIFFERENT_BYTES) return true
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return true
  const steps = new Set(
    Array.from(bytes.subarray(1), (byte, at) => (byte - (bytes[at] ?? 0)) & 0xff),
  )
  return steps.size < 4
}

import { createHash } from 'node:crypto'

/** Names a person without telling who it is: kept in the ticket, and compared with who signs in next. */
export function subjectMark({
  issuer,
  subject,
}: {
  readonly issuer: string
  readonly subject: string
}): string {
  const text = JSON.stringify([issuer, subject])
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

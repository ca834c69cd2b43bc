import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { FileReader } from '../file-reader.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The PEM text of a file of one or more certificates. */
export function parseCertificateFile(path: string, readFile: FileReader): Parsed<string> {
  const file = readPem(path, readFile)
  if ('wrong' in file) return file
  const certificates = file.value.match(CERTIFICATE) ?? []
  if (certificates.length === 0) return refused('has no PEM certificate in it')
  return certificates.every(isCertificate) ? file : refused('has a damaged certificate in it')
}

/** The PEM text of a file with one private key without passphrase. */
export function parsePrivateKeyFile(path: string, readFile: FileReader): Parsed<string> {
  const file = readPem(path, readFile)
  if ('wrong' in file) return file
  try {
    createPrivateKey(file.value)
    return file
  } catch {
    // The library's text is of no help to an operator, and the content is a secret.
    return refused('has no usable private key in it: allowed is PEM without a passphrase')
  }
}

function readPem(path: string, readFile: FileReader): Parsed<string> {
  if (path.includes('-----BEGIN'))
    return refused('is PEM text: give the path of the file instead, without ${file:…}')
  const file = readFile(path)
  return 'wrong' in file
    ? refused(`${file.wrong} (a file, relative to the configuration)`)
    : accepted(file.value)
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

import type { IncomingMessage } from 'node:http'
import { announcedBodyBytes } from './message-body.ts'

export interface BodyBounds {
  readonly maxBytes: number
  /** Longest wait for the whole of it. */
  readonly deadlineMs: number
}

/** The whole body of a request; `undefined` when it is larger, comes too slowly, or breaks off. Nothing beyond the bound is held. */
export function boundedBody(
  request: IncomingMessage,
  { maxBytes, deadlineMs }: BodyBounds,
): Promise<string | undefined> {
  const announced = announcedBodyBytes(request)
  if (request.destroyed) return Promise.resolve(undefined) // nothing more is told of it
  if (typeof announced === 'number' && announced > maxBytes) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (body: string | undefined): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onLoss).off('close', onLoss)
      request.pause() // what else comes stays in the connection's own window
      resolve(body)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBytes) return settle(undefined)
      chunks.push(chunk)
    }
    const onEnd = (): void => settle(Buffer.concat(chunks).toString('latin1'))
    const onLoss = (): void => settle(undefined)
    const timer = setTimeout(onLoss, deadlineMs)
    request.on('data', onData).on('end', onEnd).on('error', onLoss).on('close', onLoss)
  })
}

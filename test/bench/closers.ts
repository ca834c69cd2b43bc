export interface Closers {
  teardown(close: () => unknown): unknown
  closeAll(): Promise<void>
}

/** Takes the place of a test: whatever was started is closed in the opposite order. */
export function createClosers(): Closers {
  const closes: (() => unknown)[] = []
  return {
    teardown: (close) => closes.push(close),
    async closeAll() {
      for (const close of closes.splice(0).toReversed()) await close()
    },
  }
}

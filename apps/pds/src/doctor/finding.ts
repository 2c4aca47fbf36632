/** One thing that was looked at. */
export interface Finding {
  /** `warn`: works, but not for long, or could not be looked at. */
  readonly level: 'ok' | 'warn' | 'bad'
  readonly what: string
  /** What was found. */
  readonly detail: string
  /** What to do about it: a command where there is one. */
  readonly next?: string
}

/** A finding that is `ok` with what `look` tells, `bad` with what it throws. */
export async function check(
  what: string,
  next: string,
  look: () => string | Promise<string>,
): Promise<Finding> {
  try {
    return { level: 'ok', what, detail: await look() }
  } catch (error) {
    const { message, cause } = error as Error
    return {
      level: 'bad',
      what,
      detail: cause instanceof Error ? `${message}: ${cause.message}` : message,
      next,
    }
  }
}

/** Errors whose message is written for the operator. They are known by name, to load nothing for it. */
const EXPECTED: ReadonlySet<string> = new Set([
  'SettingError',
  'DataDirectoryError',
  'CommandError',
  'StoreError',
])

/** One line for a failure an operator can mend; a stack for any other. */
export function explainFailure(error: unknown): string {
  const { name, code, message, stack } = error as NodeJS.ErrnoException
  if (EXPECTED.has(name)) return message
  if (code === 'EADDRINUSE') return `the port is in use; ${message}`
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') return `cannot listen; ${message}`
  return stack ?? String(error)
}

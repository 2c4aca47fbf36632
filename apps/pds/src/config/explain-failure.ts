import { DataDirectoryError } from './secrets.ts'
import { SettingError } from './settings.ts'

/** One line for a failure an operator can mend; a stack for any other. */
export function explainFailure(error: unknown): string {
  if (error instanceof SettingError || error instanceof DataDirectoryError) return error.message
  const { code, message, stack } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `the port is in use; ${message}`
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') return `cannot listen; ${message}`
  return stack ?? String(error)
}

// Why an address cannot be served on, in words for the person who chose it.

import { IndexerError } from '../errors.ts'

/** @param flag what another port is chosen with */
export function listenError(host: string, port: number, cause: unknown, flag = '--port'): IndexerError {
  const { code, message } = cause as { code?: string; message?: string }
  if (code === 'EADDRINUSE') {
    return new IndexerError(
      'port-in-use',
      `Port ${port} on ${host} is in use. Stop what listens there, or choose another with ${flag}`,
      { cause },
    )
  }
  const why =
    code === 'EACCES'
      ? 'no permission'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : message
  return new IndexerError('cannot-listen', `Cannot listen on ${host}:${port}: ${why}`, { cause })
}

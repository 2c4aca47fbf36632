import { RESET_PATH } from '../accounts/password-resets.ts'

/** The page on which a password is reset, for whoever visits a page with these parameters: it leads back to the request that they name. */
export function resetUrl(parameters: URLSearchParams): string {
  const kept = requestOf(parameters)
  return kept === null ? RESET_PATH : `${RESET_PATH}?${new URLSearchParams(kept).toString()}`
}

/** What names the request of an app in whose middle a page was opened; null for none. */
export function requestOf(parameters: URLSearchParams): Readonly<Record<string, string>> | null {
  const [clientId, requestUri] = [parameters.get('client_id'), parameters.get('request_uri')]
  return clientId && requestUri ? { client_id: clientId, request_uri: requestUri } : null
}

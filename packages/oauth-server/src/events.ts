import type { Did } from '@avocet/syntax'

/** What happens in a server, for logs and counts. */
export type OAuthEvent =
  /** A request was answered by an error. */
  | {
      readonly type: 'refused'
      readonly endpoint: 'par' | 'token' | 'revoke'
      readonly error: string
      readonly message: string
      readonly clientId: string | null
    }
  | {
      readonly type: 'session-began'
      readonly did: Did
      readonly clientId: string
      readonly sessionId: string
    }
  /** `replayed` ones ended because a code or a refresh token was used again: somebody may have stolen it. */
  | {
      readonly type: 'session-ended'
      readonly did: Did
      readonly clientId: string
      readonly sessionId: string
      readonly why: 'revoked' | 'code-replayed' | 'refresh-replayed' | 'client-key-gone' | 'account-gone'
    }

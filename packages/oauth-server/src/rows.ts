import type { Did } from '@avocet/syntax'

/** The key with which a client proved who it is, from its published ones. */
export interface ClientKey {
  /** The `kid` it was published under. */
  readonly id: string
  readonly alg: string
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string
}

/** How the answer goes back to the client. */
export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** What a person is to be shown, whatever the device remembers. https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest */
export type Prompt = 'none' | 'login' | 'consent' | 'select_account' | 'create'

/** What a client asked for, checked. Absent parameters are null. */
export interface RequestParameters {
  readonly redirectUri: string
  readonly responseMode: ResponseMode
  /** The scopes that were asked for, each once, in their canonical texts, those unknown here left out; permission sets by their names. */
  readonly scope: string
  readonly codeChallenge: string
  readonly state: string | null
  readonly prompt: Prompt | null
  /** A DID or a handle in lower case. */
  readonly loginHint: string | null
  readonly display: 'page' | 'popup' | 'touch' | null
  /** Language tags, separated by spaces, as the client wrote them. */
  readonly uiLocales: string | null
}

/** What an account agreed to. */
export interface Granted {
  /** SHA-256 of the code, base64url. */
  readonly codeHash: string
  readonly did: Did
  /** Of what was asked for, what the account agreed to; permission sets by their names. */
  readonly scope: string
  /** The same with the permission sets expanded: what the tokens may do. */
  readonly permissions: string
}

/** A pushed request, until its code is used. Times here and below are seconds since 1970. */
export interface AuthorizationRequest {
  /** What its `request_uri` ends with. */
  readonly id: string
  readonly clientId: string
  /** Null for a public client. */
  readonly clientKey: ClientKey | null
  /** Of the DPoP key that the tokens will be bound to (RFC 7638, SHA-256, base64url). */
  readonly dpopThumbprint: string
  readonly parameters: RequestParameters
  /** Whom it is counted for, such as the network that it came from. */
  readonly from: string | null
  readonly createdAt: number
  readonly expiresAt: number
  /** The device that opened it first: no other one may. */
  readonly device: string | null
  /** Null until an account agreed. */
  readonly granted: Granted | null
}

/** What a client may do for an account, while its tokens are renewed. */
export interface OAuthSession {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly did: Did
  readonly clientId: string
  /** Null for a public client. Only this key may renew the tokens. */
  readonly clientKey: ClientKey | null
  readonly dpopThumbprint: string
  /** As in {@link Granted}. */
  readonly scope: string
  /** As in {@link Granted}; permission sets as they stood at the last renewal. */
  readonly permissions: string
  /** Of the code that it began with: one that is used again ends it. */
  readonly codeHash: string
  /** The device on which the account agreed. */
  readonly device: string | null
  readonly createdAt: number
  /** How often tokens were given: 1 at first. */
  readonly generation: number
  /** SHA-256 of the secret of the refresh token that is good now, base64url; null where the client gets none. */
  readonly refreshHash: string | null
  /** When these tokens were given. */
  readonly refreshedAt: number
  /** When it ends unless it is renewed. */
  readonly expiresAt: number
}

/** What an account agreed to for a client that need not ask again. */
export interface Consent {
  readonly did: Did
  readonly clientId: string
  /** The scopes that were agreed to, permission sets by their names. */
  readonly scope: string
  /** Those that were left out: they are not granted without asking again. */
  readonly declined: string
  readonly updatedAt: number
}

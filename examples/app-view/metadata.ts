import { createClientMetadata, createLoopbackMetadata, type ClientMetadata } from '@avocet/oauth-client'

import { allowLoopback, origin } from './config.ts'

const scope = ['atproto', 'repo:com.example.reading.book', 'repo:com.example.reading.note'] as const

/** What the app is, and may ask for. It is served at its own `client_id`; on this machine the id says it all. */
export const metadata: ClientMetadata = allowLoopback
  ? createLoopbackMetadata({ redirectUri: `${origin}/`, scope })
  : createClientMetadata({
      clientId: `${origin}/oauth-client-metadata.json`,
      name: 'Reading notes',
      redirectUris: [`${origin}/`],
      scope,
    })

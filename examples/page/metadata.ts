import { createClientMetadata, type ClientMetadata } from '@avocet/oauth-client'

/** What the page is and may ask for. Served at its own `client_id`. */
export function metadata(origin: string): ClientMetadata {
  return createClientMetadata({
    clientId: `${origin}/oauth-client-metadata.json`,
    name: 'Post',
    redirectUris: [`${origin}/`],
    scope: ['atproto', 'repo:app.bsky.feed.post'],
  })
}

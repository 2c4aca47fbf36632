// Records that calls write.

/** A type that no server knows, and one that both do. */
export const NOTE = 'com.example.note'
export const POST = 'app.bsky.feed.post'
/** When records were made. */
export const createdAt = '2026-01-01T00:00:00.000Z'
/** A record of each. */
export const note = (text: string): object => ({ $type: NOTE, text })
export const bskyPost = (text: string, more: object = {}): object => ({
  $type: POST,
  text,
  createdAt,
  ...more,
})
/** CIDs that no server of the suite ever makes. */
export const NO_CID = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'
export const NO_BLOB = 'bafkreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'

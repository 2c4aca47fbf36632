// The admin password: HTTP Basic, user `admin`, on every route.

const USER = 'admin'

/** The value of `authorization` for a password. */
export function basicAuth(password: string): string {
  const bytes = new TextEncoder().encode(`${USER}:${password}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

/**
 * Whether a header holds the password. Both are hashed first, and the hashes compared whole, so that the time taken says nothing of
 * how much of it is right.
 */
export async function checkBasicAuth(header: string | null, password: string): Promise<boolean> {
  const given = header?.replace(/^basic /i, 'Basic ') ?? ''
  const [a, b] = await Promise.all([sha256(given), sha256(basicAuth(password))])
  let difference = 0
  for (let i = 0; i < a.length; i += 1) difference |= a[i]! ^ b[i]!
  return difference === 0
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

// A signature check for worker threads that does not come back from some accounts: those with P-256 keys.

import { type VerifySignature, verifySignature } from '@avocet/crypto'

/** Never answers. */
export const hanging = (): VerifySignature => (key, bytes, signature) => {
  while (key.curve === 'p256');
  return verifySignature(key, bytes, signature)
}

/** Ends its thread. */
export const ending = (): VerifySignature => (key, bytes, signature) => {
  if (key.curve === 'p256') process.exit(3)
  return verifySignature(key, bytes, signature)
}

/** Takes more memory than there is. */
export const growing = (): VerifySignature => (key, bytes, signature) => {
  const kept: object[] = []
  while (key.curve === 'p256') kept.push({ kept: [kept.length] })
  return verifySignature(key, bytes, signature)
}

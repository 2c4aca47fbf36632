export { isCanonicalSignature, SIGNATURE_LENGTH, toLowS, type Curve, type PublicKey } from './curve.ts'
export { CryptoError, type CryptoErrorCode, type KeyFailure } from './error.ts'
export { createKeypair, importKeypair, type Keypair, type Signer } from './keypair.ts'
export {
  formatDidKey,
  formatMultikey,
  parseDidKey,
  parseMultikey,
  parsePoint,
  parseVerificationMethod,
  type DidKey,
  type KeyResult,
} from './public-key.ts'
export { jwtAlgorithm, verifySignature, type VerifySignature } from './verify.ts'

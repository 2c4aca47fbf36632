// The parsers of the main entry, with the points of the backend of WebCrypto.

import { readDidKey, readMultikey, readPoint, readVerificationMethod } from '../key-text.ts'
import type * as main from '../public-key.ts'
import { compressPoint } from './ecdsa.ts'

/** As `parsePoint` of the main entry: a point as a key, compressed or not. */
export const parsePoint: typeof main.parsePoint = (curve, bytes) => readPoint(compressPoint, curve, bytes)

/** As `parseMultikey` of the main entry: the key in a multikey. */
export const parseMultikey: typeof main.parseMultikey = (text) => readMultikey(compressPoint, text)

/** As `parseDidKey` of the main entry: the key in a `did:key`. */
export const parseDidKey: typeof main.parseDidKey = (text) => readDidKey(compressPoint, text)

/** As `parseVerificationMethod` of the main entry: the key of a verification method in a DID document. */
export const parseVerificationMethod: typeof main.parseVerificationMethod = (type, publicKeyMultibase) =>
  readVerificationMethod(compressPoint, type, publicKeyMultibase)

export { importNativeKeypair, isNative, nativeVerifier } from './native.ts'

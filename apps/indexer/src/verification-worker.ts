// What the threads of the worker pool import.

export { nativeVerifier as createVerifier } from '@avocet/crypto-native'
export { createExaminer } from './index/examine.ts'

/** Two keys of the published did:key test vectors. */
export const KNOWN = [
  {
    curve: 'k256',
    privateKey: '9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c',
    didKey: 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  },
  {
    curve: 'p256',
    privateKey: '82ebbd63ebbd9ff60141a69bd4c9be282f2415e8eafa9d42c0ed396daccca979',
    didKey: 'did:key:zDnaeTiq1PdzvZXUaMdezchcMJQpBdH2VN4pgrrEhMCCbmwSb',
  },
] as const

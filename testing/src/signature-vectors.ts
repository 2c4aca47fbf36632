// Facts: what a verifier must say. Made once with independent arithmetic; the crafted ones have a key computed to fit extreme
// numbers. K-256 and P-256, sha-256; key and signature are as the protocol has them (33 and 64 bytes), or wrong on purpose.

/** One verdict. Everything is hexadecimal. */
export interface SignatureVector {
  comment: string
  curve: 'k256' | 'p256'
  key: string
  message: string
  signature: string
  valid: boolean
}

/** Edge cases of ECDSA as the protocol uses it. */
export const signatureVectors: readonly SignatureVector[] = [
  {
    comment: 'a usual signature',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: true,
  },
  {
    comment: 'of no bytes',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '',
    signature:
      '5fc02ecc7ade31da82626ed2bb3c43c8218e45588cf07ce40fd97ec4083272ee3cf8cc41156b007c296740a976e06aa75a2103ec62a9e7274322262cdbecbc93',
    valid: true,
  },
  {
    comment: 'of a long message',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message:
      '0909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909',
    signature:
      '4e28dc699f5ae1479d392aa5cb993c22ec039dd64e589623de10ede322f8f3d72789f6e018fc148a5e946e864608e6fb4b4cab6ce58ab2b7166447231fe54817',
    valid: true,
  },
  {
    comment: 'of the digest instead of the message',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '78bb62c35386c83dae9b552320d02cfc9605ae106daad79df9589cd301f70a45635f1d38a48a8cbfe927eb8f1b6c973fa867e257f2c40a516e9c587be9b44b68',
    valid: false,
  },
  {
    comment: 'another message',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f2073696768',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'another key',
    curve: 'k256',
    key: '03efe24af16da45a3e3ce3503b7b7172d64b16b28922011f8df970dd5bf6cc6be7',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'the same x, the other y',
    curve: 'k256',
    key: '0317665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'high S',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f898ee314fa98f489bd94a3035f279ee0b2a27c75905cd12e79c4af38ac414a4a39',
    valid: false,
  },
  {
    comment: 'r is zero',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '0000000000000000000000000000000000000000000000000000000000000000711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 's is zero',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f890000000000000000000000000000000000000000000000000000000000000000',
    valid: false,
  },
  {
    comment: 'r and s are zero',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    valid: false,
  },
  {
    comment: 'r is one',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '0000000000000000000000000000000000000000000000000000000000000001711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 's is one',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f890000000000000000000000000000000000000000000000000000000000000001',
    valid: false,
  },
  {
    comment: 'r is n',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 's is n',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    valid: false,
  },
  {
    comment: 'r and s are n',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    valid: false,
  },
  {
    comment: 'r is n + 1, s is one',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd03641420000000000000000000000000000000000000000000000000000000000000001',
    valid: false,
  },
  {
    comment: 'r is p',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'r is 2^256 - 1',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 's is 2^256 - 1',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    valid: false,
  },
  {
    comment: 's is n - 1',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140',
    valid: false,
  },
  {
    comment: 'r is replaced by n - r',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '72d2e5fb6038e2af3761b1295176d867859170651e2d4055bfddbe590f0711b8711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'r and s are swapped',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf7088d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89',
    valid: false,
  },
  {
    comment: 'empty',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature: '',
    valid: false,
  },
  {
    comment: '63 bytes',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf7',
    valid: false,
  },
  {
    comment: '65 bytes, a zero more',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf70800',
    valid: false,
  },
  {
    comment: '65 bytes, a zero before',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '008d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: '65 bytes, a recovery bit before',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '1b8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: '128 bytes, twice',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf7088d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'only r',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature: '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89',
    valid: false,
  },
  {
    comment: 'DER',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '30450221008d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f890220711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'one bit of r',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f88711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'one bit of s',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf709',
    valid: false,
  },
  {
    comment: 's is one, with a key that fits',
    curve: 'k256',
    key: '03ce0aedd9436e5adff29fa4c6bf78cded975e281f3d884923d13d0d65b12de35e',
    message: '61206d65737361676520746f207369676e',
    signature:
      'f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f0000000000000000000000000000000000000000000000000000000000000001',
    valid: true,
  },
  {
    comment: 's is two, with a key that fits',
    curve: 'k256',
    key: '02497ede22a6cecec571abd0d80d94934fd79a667dbb5c85485cff372e99144da1',
    message: '61206d65737361676520746f207369676e',
    signature:
      'f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f0000000000000000000000000000000000000000000000000000000000000002',
    valid: true,
  },
  {
    comment: 's is (n - 1) / 2, the largest low one',
    curve: 'k256',
    key: '0396048debb9170669438072da3580b577b20ad8965e89d710e0439d868f5a0f3e',
    message: '61206d65737361676520746f207369676e',
    signature:
      'f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0',
    valid: true,
  },
  {
    comment: 's is (n + 1) / 2, the smallest high one',
    curve: 'k256',
    key: '02eb5c770d2c1a196e526cc0daf3f11a0397afff8a2c6ce1b4e2d582f4d7951db7',
    message: '61206d65737361676520746f207369676e',
    signature:
      'f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1',
    valid: false,
  },
  {
    comment: 's is n - 1, with a key that fits',
    curve: 'k256',
    key: '02b8c2a7beaba52f73262093ab2e2da7c22bb7ee6a6b63b735c49ed9de67aadc31',
    message: '61206d65737361676520746f207369676e',
    signature:
      'f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80ffffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140',
    valid: false,
  },
  {
    comment: 'r is 1, with a key that fits',
    curve: 'k256',
    key: '0272f1b323fd1e386748ab5e8beabdfdb74571e7fd63643a9f7d3a7922a5eeb387',
    message: '61206d65737361676520746f207369676e',
    signature:
      '0000000000000000000000000000000000000000000000000000000000000001711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: true,
  },
  {
    comment: 'x of the point is above n: r is x - n',
    curve: 'k256',
    key: '0315135d99da19f8e77418c96e641790eb4123e0da376f1619548765f03b7e961d',
    message: '61206d65737361676520746f207369676e',
    signature:
      '0000000000000000000000000000000000000000000000000000000000000002711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: true,
  },
  {
    comment: 'the same with r = x',
    curve: 'k256',
    key: '0315135d99da19f8e77418c96e641790eb4123e0da376f1619548765f03b7e961d',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364143711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'r is n - 2, with a key that fits',
    curve: 'k256',
    key: '023076b7bf751c0b60423c82a86dd2035d44f26d53490c294cb1d538c9d11042e2',
    message: '61206d65737361676520746f207369676e',
    signature:
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413f711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: true,
  },
  {
    comment: 'the sum is the point at infinity',
    curve: 'k256',
    key: '027e97bec3e7546f1c93d670a5f127175082ed4be95222cbd8f64e7c32be7ccc31',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key is the generator',
    curve: 'k256',
    key: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'private key one',
    curve: 'k256',
    key: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    message: '61206d65737361676520746f207369676e',
    signature:
      '57d6a91c982c949928618aa2ae6cab6e9614e2c10989ed2a21369f91c541a870300356d084037310ffbcd32840636318e78e6b1e4cc37a4bab79a1c5a76b3d86',
    valid: true,
  },
  {
    comment: 'private key n - 1',
    curve: 'k256',
    key: '0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    message: '61206d65737361676520746f207369676e',
    signature:
      '24812e50f90557464688d0b3c3ad49d39adc044cc4d7ff8f4b08e1a829e169fc3dca5906b206cf166d4bf0138a736b35bbf6e82487ad9b801478a1f822dca544',
    valid: true,
  },
  {
    comment: 'key: infinity',
    curve: 'k256',
    key: '00',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: infinity, padded',
    curve: 'k256',
    key: '000000000000000000000000000000000000000000000000000000000000000000',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: empty',
    curve: 'k256',
    key: '',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: x is p',
    curve: 'k256',
    key: '02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: x is 2^256 - 1',
    curve: 'k256',
    key: '02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: x of no point',
    curve: 'k256',
    key: '020000000000000000000000000000000000000000000000000000000000000005',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: uncompressed',
    curve: 'k256',
    key: '0417665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a727f951d411131d4e8c9aeb41bb3252c278f8883d3c7174da592da918c068ffbd4',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: hybrid',
    curve: 'k256',
    key: '0617665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a727f951d411131d4e8c9aeb41bb3252c278f8883d3c7174da592da918c068ffbd4',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: first byte 05',
    curve: 'k256',
    key: '0517665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: 32 bytes',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'key: 34 bytes',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a7200',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'a usual signature',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: true,
  },
  {
    comment: 'of no bytes',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '',
    signature:
      '2e95cd7e6fa6279dbb498debff573178a2e933135bfd6cf058a564f800888339411e350eeec4983e141e92c8211e2943f29f1d478ed89a0c560225b0cdf38919',
    valid: true,
  },
  {
    comment: 'of a long message',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message:
      '0909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909',
    signature:
      '67269ba4eeb3d9fe45cdda84f629586572b9a5b16f9f83702d9a2ef7361dfac33d6e178cb367fdb2f8c46f1091e3ce271eabda874b7df0671c91c719e4437e1c',
    valid: true,
  },
  {
    comment: 'of the digest instead of the message',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'c775f8b2ac39407d5bbdfe3da5f69e281311da73dcaf0aefb7d5194d3a081a7159b0fdbc9660a289df7a0223823ff253253e34b9db7ca246de78f8c4bf5cde2b',
    valid: false,
  },
  {
    comment: 'another message',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f2073696768',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'another key',
    curve: 'p256',
    key: '02dee194247be003578f96f4a336e118a1771dc347da3e1e1f0e53059d530d4670',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'the same x, the other y',
    curve: 'p256',
    key: '021ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'high S',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1f610f5294753db0084eace8d4a47865e202ddf04a5f995aeff29f4638f442e87',
    valid: false,
  },
  {
    comment: 'r is zero',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '000000000000000000000000000000000000000000000000000000000000000009ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 's is zero',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af10000000000000000000000000000000000000000000000000000000000000000',
    valid: false,
  },
  {
    comment: 'r and s are zero',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    valid: false,
  },
  {
    comment: 'r is one',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '000000000000000000000000000000000000000000000000000000000000000109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 's is one',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af10000000000000000000000000000000000000000000000000000000000000001',
    valid: false,
  },
  {
    comment: 'r is n',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 's is n',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    valid: false,
  },
  {
    comment: 'r and s are n',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    valid: false,
  },
  {
    comment: 'r is n + 1, s is one',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc6325520000000000000000000000000000000000000000000000000000000000000001',
    valid: false,
  },
  {
    comment: 'r is p',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff09ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'r is 2^256 - 1',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff09ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 's is 2^256 - 1',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    valid: false,
  },
  {
    comment: 's is n - 1',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550',
    valid: false,
  },
  {
    comment: 'r is replaced by n - r',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '6e2a535d27292849a0551638d2f25a6dbbbf38bbb03b59dd4580a97a2ac5da6009ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'r and s are swapped',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '09ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1',
    valid: false,
  },
  {
    comment: 'empty',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature: '',
    valid: false,
  },
  {
    comment: '63 bytes',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6',
    valid: false,
  },
  {
    comment: '65 bytes, a zero more',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca00',
    valid: false,
  },
  {
    comment: '65 bytes, a zero before',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '0091d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: '65 bytes, a recovery bit before',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '1b91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: '128 bytes, twice',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'only r',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature: '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1',
    valid: false,
  },
  {
    comment: 'DER',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '304502210091d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af1022009ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'one bit of r',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af009ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'one bit of s',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6cb',
    valid: false,
  },
  {
    comment: 's is one, with a key that fits',
    curve: 'p256',
    key: '02f1670dc4de41ed29c8603b3ebe43fa0a4ff15977441d551d2f63c1fa91914e0a',
    message: '61206d65737361676520746f207369676e',
    signature:
      '26efcebd0ee9e34a669187e18b3a9122b2f733945b649cc9f9f921e9f9dad8120000000000000000000000000000000000000000000000000000000000000001',
    valid: true,
  },
  {
    comment: 's is two, with a key that fits',
    curve: 'p256',
    key: '039b689ae728cd6b30a3b7122aaecdb361b883d3c20d70c3a58847419e83ff8875',
    message: '61206d65737361676520746f207369676e',
    signature:
      '26efcebd0ee9e34a669187e18b3a9122b2f733945b649cc9f9f921e9f9dad8120000000000000000000000000000000000000000000000000000000000000002',
    valid: true,
  },
  {
    comment: 's is (n - 1) / 2, the largest low one',
    curve: 'p256',
    key: '03f8c68ce61530381e83ed5aaceb2ceb5a9827a9ad4a8a7c19bbb68c3a84fca214',
    message: '61206d65737361676520746f207369676e',
    signature:
      '26efcebd0ee9e34a669187e18b3a9122b2f733945b649cc9f9f921e9f9dad8127fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8',
    valid: true,
  },
  {
    comment: 's is (n + 1) / 2, the smallest high one',
    curve: 'p256',
    key: '03bd1bc3f88ec4214258600aa7f883e1d7510b2b43c7bd6c7397564ca7eb686293',
    message: '61206d65737361676520746f207369676e',
    signature:
      '26efcebd0ee9e34a669187e18b3a9122b2f733945b649cc9f9f921e9f9dad8127fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9',
    valid: false,
  },
  {
    comment: 's is n - 1, with a key that fits',
    curve: 'p256',
    key: '02a0a9e255f9087c2c53563fab2fc9b9d7b9b966f9b272f0e2cf408c787dc5dd17',
    message: '61206d65737361676520746f207369676e',
    signature:
      '26efcebd0ee9e34a669187e18b3a9122b2f733945b649cc9f9f921e9f9dad812ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550',
    valid: false,
  },
  {
    comment: 'r is 5, with a key that fits',
    curve: 'p256',
    key: '03754ff4f7d9b8227758c74e2aae625f481d596e8b10194ef52c40a760570f88b0',
    message: '61206d65737361676520746f207369676e',
    signature:
      '000000000000000000000000000000000000000000000000000000000000000509ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: true,
  },
  {
    comment: 'x of the point is above n: r is x - n',
    curve: 'p256',
    key: '037b3cf72e16123f8edac901db23f19e9f392af6177a007f07ac7238a2a21fbc34',
    message: '61206d65737361676520746f207369676e',
    signature:
      '000000000000000000000000000000000000000000000000000000000000000309ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: true,
  },
  {
    comment: 'the same with r = x',
    curve: 'p256',
    key: '037b3cf72e16123f8edac901db23f19e9f392af6177a007f07ac7238a2a21fbc34',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255409ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'r is n - 2, with a key that fits',
    curve: 'p256',
    key: '03e55ddac037313f59ad7b8031a36bea1425a7b65f485c0d7ca61c4c67187cd2eb',
    message: '61206d65737361676520746f207369676e',
    signature:
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f09ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: true,
  },
  {
    comment: 'the sum is the point at infinity',
    curve: 'p256',
    key: '02156fc7d82f163eae4e21f78d8a31c361f0017bf0c554fc872138dd7757bccdf6',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key is the generator',
    curve: 'p256',
    key: '036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'private key one',
    curve: 'p256',
    key: '036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296',
    message: '61206d65737361676520746f207369676e',
    signature:
      '62997c20209920cb14fced3a7722e670e29bbe23329b992111a543fa7a76f534634afe2f177e0dada80a22116ddd85f34d575761bbe19a78527a3729c2adfa92',
    valid: true,
  },
  {
    comment: 'private key n - 1',
    curve: 'p256',
    key: '026b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296',
    message: '61206d65737361676520746f207369676e',
    signature:
      '4c878490c499beac2725b8ebe2bd93cba46bfd29df56ddf833cea585236299726da9693185e0e5820773340a0c352589026e92f2d06b39c82d1611faa1b9bacb',
    valid: true,
  },
  {
    comment: 'key: infinity',
    curve: 'p256',
    key: '00',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: infinity, padded',
    curve: 'p256',
    key: '000000000000000000000000000000000000000000000000000000000000000000',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: empty',
    curve: 'p256',
    key: '',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: x is p',
    curve: 'p256',
    key: '02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: x is 2^256 - 1',
    curve: 'p256',
    key: '02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: x of no point',
    curve: 'p256',
    key: '020000000000000000000000000000000000000000000000000000000000000001',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: uncompressed',
    curve: 'p256',
    key: '041ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9a5d574c1787cac1401a1ccd4f38c60e4c433303a5aadb1178e25a037a7d0a1e9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: hybrid',
    curve: 'p256',
    key: '061ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9a5d574c1787cac1401a1ccd4f38c60e4c433303a5aadb1178e25a037a7d0a1e9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: first byte 05',
    curve: 'p256',
    key: '051ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: 32 bytes',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0e',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'key: 34 bytes',
    curve: 'p256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed900',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'a K-256 signature and key taken for P-256',
    curve: 'p256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '8d2d1a049fc71d50c89e4ed6ae892797351d6c81911b5fe5fff4a033c12f2f89711ceb05670b76426b5cfca0d8611f4c18326756527771c1fb2325e08eebf708',
    valid: false,
  },
  {
    comment: 'a P-256 signature and key taken for K-256',
    curve: 'k256',
    key: '031ae286df637e1cb87eed37c477a9059f103872b7dd75558b3ba38b5be92e0ed9',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
  {
    comment: 'a P-256 signature for a K-256 key',
    curve: 'k256',
    key: '0217665fa749a6666091bafcc1bd3c84860f27a15e5c21beeb6c3343eb4c5b6a72',
    message: '61206d65737361676520746f207369676e',
    signature:
      '91d5aca1d8d6d7b75faae9c72d0da5920127c1f1f6dc44a7ae392148d19d4af109ef0ad5b8ac25007b153172b5b879a19cb91ba9011e08d5f48fd65f6d1ef6ca',
    valid: false,
  },
]

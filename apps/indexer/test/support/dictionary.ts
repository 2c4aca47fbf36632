// A zstd dictionary of made-up events, by `zstd --train --maxdict=700 --dictID=1612007021`.

/** Its bytes. */
export const dictionary: Uint8Array = Buffer.from(
  [
    'N6Qw7G1GFWAmEMhSUB3///////8PtLtku0u2rZHtLgno/rGalFLKlNKd/r8shFDzCAAAAAAA7AYAAAQgAQIFAACBCQAAjYMcIYKMAgCBF4yFAAAAAAAAAAAw',
    'lAAA4SWDAQAAAMTo4IIkYUJmIXjApgsAAQAAAAAAAAABAAAABAAAAAgAAAAsImNvbW1pdCI6eyJyZXYiOiIzbW83cm42bDA4cWwiLCJvcGVyYXRpb24iOiJj',
    'cmVhdGUiLCJjb2xsZWN0aW9uIjoiYXBwLmJza3kuZmVlZC5saWtlIiwicmtleSI6IjNrbTRyb3l1MXBvcSIsInJlY29yZCI6eyIkdHlwZSI6ImFwcC5ic2t5',
    'LmZlZWQucG9zdCIsInRleHQiOiJ0MzEiLCJjIjoiYXBwLmJza3kuZmVlZC5wb3N0IiwidGV4dCI6InQ1NDIiLCJjcmVhdGVkQXQiOiIyMDI0LTAxLTE2VDE1',
    'OjQ2OjQwLjAwMFoifX19eyJkaWQiOiJkaWQ6cGxjOnh4NmR6bDUxenVoIiwidGltZV91cyI6MTc4MzE3NTg4ODIzNDQ4MCwia2luZCI6ImNvbW1pdCIsImNv',
    'bW1pdCI6eyJyZXYiOiIzbTMwNTU2ZXJjY2giLCJvcGVyYXRpb24iOiJkZWxldGUiLCJjb2xsZWN0aW9uIjoiYXBwLmJza3kuZmVlZC5wb3N0IiwicmtleSI6',
    'IjNrYXNkem5mNHdyeiIsInJlY29yZCI6eyIkdHlwZSI6ImFwcC5ic2t5LmZlZWQucG9zdCIsInRleHQiOiJ0MjQwIiwiY3JlYXRlZEF0IjoiMjAyMy0xMi0x',
    'MlQxNjo1MzoyMC4wMDBaIn19fXsiZGlkIjoiZGlkOnBsYzpnOWFjb3licjBpZSIsInRpbWVfdXMiOjE3ODMxNzU4ODgxNw==',
  ].join(''),
  'base64',
)

// A key made for these tests and known to everybody: it guards nothing. Valid for the names below from 2020 until 2120.

/** Of *.example.com, plc.directory, bsky.network and public.api.bsky.app. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBqzCCAVGgAwIBAgIBAjAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNhdm9jZXQg
dGVzdCBuZXR3b3JrMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAe
MRwwGgYDVQQDDBNhdm9jZXQgdGVzdCBuZXR3b3JrMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAEXoqJQlyT6NS2NgEJmVuc+69MwdcTZtm0t3RbCCdiipsEhb/qYHnP
Gz4R38Zfyi4d4fF1a8b0toWanv2lptzJwaN+MHwwSgYDVR0RBEMwQYINKi5leGFt
cGxlLmNvbYINcGxjLmRpcmVjdG9yeYIMYnNreS5uZXR3b3JrghNwdWJsaWMuYXBp
LmJza3kuYXBwMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFFHvAu2vKuQO76U6
zjbYAnTV8J6KMAoGCCqGSM49BAMCA0gAMEUCIHtYkn8wVlLFXGeYS1A7TBpBaWfq
x8bPMRfb6hPYF08uAiEA9YRdmvPEfSqV3oXPUEc/lL7xguBUGCE7Sz2xHCOXiTI=
-----END CERTIFICATE-----
`

export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8QXjOTqXdrOtW2MN
f3nthcHspuYWo5hC6go5skxN4zyhRANCAAReiolCXJPo1LY2AQmZW5z7r0zB1xNm
2bS3dFsIJ2KKmwSFv+pgec8bPhHfxl/KLh3h8XVrxvS2hZqe/aWm3MnB
-----END PRIVATE KEY-----
`

/** One message with exactly one of `text` and `bytes`. */
export type TextOrBytes =
  | { readonly text: string; readonly bytes?: undefined }
  | { readonly bytes: Uint8Array; readonly text?: undefined }

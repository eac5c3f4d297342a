/** nginx's number for a client that went away before it was answered. */
export const CLIENT_WENT_AWAY = 499

// libgit2's HTTP transport, which nothing here calls, can ask Kerberos for tickets; the library for that exists as a
// shared one only. These are the names that the transport is linked against, and each says that it failed: so the
// worker needs no library of the system but the C library, runs wherever that is new enough, and could not ask a ticket
// server if it were made to try.
#include <cstdint>

namespace {

// GSS_S_FAILURE of RFC 2744, section 3.9.1.
constexpr uint32_t kFailure = 13U << 16;

}  // namespace

extern "C" {

// A pointer to an object identifier, which only the calls below would look at.
void* GSS_C_NT_HOSTBASED_SERVICE = nullptr;

uint32_t gss_delete_sec_context() {
  return kFailure;
}
uint32_t gss_display_status() {
  return kFailure;
}
uint32_t gss_import_name() {
  return kFailure;
}
uint32_t gss_indicate_mechs() {
  return kFailure;
}
uint32_t gss_init_sec_context() {
  return kFailure;
}
uint32_t gss_release_buffer() {
  return kFailure;
}
uint32_t gss_release_name() {
  return kFailure;
}
uint32_t gss_release_oid_set() {
  return kFailure;
}
}

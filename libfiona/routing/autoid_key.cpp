// SPDX-License-Identifier: MIT
#include "libfiona/routing/autoid_key.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <span>

namespace fiona::routing {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t fingerprint_digits = 16;

} // namespace

AutoIdKey AutoIdKey::load_or_make(const std::filesystem::path& file)
{
    if (!std::filesystem::exists(file)) {
        make_directories(file.parent_path());
        store::AtomicFile fresh{file, 0600};
        fresh.set_mode(0600);
        fresh.write(to_hex(random_bytes(key_bytes)) + "\n");
        try {
            fresh.commit_new();
        } catch (const Error& e) {
            if (e.fault() != Fault::temporary) { // else another process was first: its key counts
                throw;
            }
        }
    }
    const auto secret = read_secret_file(file);
    const auto text = trimmed(secret.reveal());
    if (text.size() != 2 * key_bytes
        || text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
        throw Error{Fault::config, "{} is no key: 64 hex digits are expected", file.native()};
    }
    return AutoIdKey{Private{std::string{text}}};
}

AutoIdKey AutoIdKey::passing()
{
    return AutoIdKey{Private{to_hex(random_bytes(key_bytes))}};
}

std::string AutoIdKey::hash(std::string_view study_patient_id) const
{
    return to_hex(hmac_sha256(std::as_bytes(std::span{m_key.reveal()}), study_patient_id));
}

std::string AutoIdKey::fingerprint() const
{
    return hash("fingerprint").substr(0, fingerprint_digits);
}

} // namespace fiona::routing

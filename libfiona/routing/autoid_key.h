// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace fiona::routing {

/// The site's key for the hashes of AUTOID: 64 hex digits in `<config>/autoid.key`, mode 0600. Who has
/// it can find a patient's pseudonym; without it known patients would get second pseudonyms.
class AutoIdKey {
public:
    /// The key; a new one is made if there is no file. Throws Error{Fault::config} if the file is open to
    /// others or is no key.
    [[nodiscard]] static AutoIdKey load_or_make(const std::filesystem::path& file);
    /// A key that is kept nowhere, for a dry run before the first run.
    [[nodiscard]] static AutoIdKey passing();

    /// HMAC-SHA-256 of INCOMING's study_patient_id, 64 lower-case hex digits: autoid_method 2.
    [[nodiscard]] std::string hash(std::string_view study_patient_id) const;
    /// 16 hex digits that tell two keys apart and say nothing about either.
    [[nodiscard]] std::string fingerprint() const;

private:
    explicit AutoIdKey(Private<std::string> key) : m_key{std::move(key)} {}

    Private<std::string> m_key;
};

} // namespace fiona::routing

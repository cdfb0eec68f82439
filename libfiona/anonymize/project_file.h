// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/private.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// The entry of one project in projects.json, and its key. The caller holds the lock.
///
/// projects.json (key_sha256)   keys/PROJECT.key
///            -                        -          a new project: the key is made
///            -                        +          crashed between the two: the key is adopted
///            +                        +          in use; the digests must agree
///            +                        -          lost: refused, a person must bring it back
///     + and key_destroyed             +          crashed while it was destroyed: destroy it again
///     + and key_destroyed             -          destroyed for good: refused
class ProjectFile {
public:
    ProjectFile(const ProjectFiles& files, std::string project);

    [[nodiscard]] UidScheme scheme() const;
    [[nodiscard]] DateShift date_shift() const;
    [[nodiscard]] std::vector<std::string> private_lists() const;
    [[nodiscard]] Documents documents() const;

    /// The key's file; the key is made and noted at the first use.
    [[nodiscard]] std::filesystem::path key();

    [[nodiscard]] bool is_known() const { return !m_entry.empty() || has_key(); }
    [[nodiscard]] bool has_key() const;
    [[nodiscard]] std::string noted_digest() const; ///< "" if no key was ever noted
    [[nodiscard]] std::string destroyed() const;    ///< when; "" if it was not
    /// The bytes of the key, checked against the noted digest. Throws Error{Fault::config}.
    [[nodiscard]] Private<std::string> secret() const;
    /// Puts a key in place that is not there, and notes it. Throws Error{Fault::config} unless it fits
    /// what is noted.
    void restore(const Private<std::string>& key);
    /// Notes that it is destroyed, overwrites and removes it.
    void destroy(std::string_view when);

private:
    [[nodiscard]] Error complaint(std::string_view what) const;
    void write_key(const std::string& bytes) const;
    void write_entry();

    std::filesystem::path m_path;
    std::filesystem::path m_key;
    std::string m_project;
    json::Value m_document{json::Object{}};
    json::Object m_entry;
};

/// The lock of projects.json, for who makes a ProjectFile.
[[nodiscard]] std::filesystem::path lock_of(const ProjectFiles& files);

} // namespace fiona::anonymize

// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace fiona::anonymize {

/// The compat schemes treat three kinds of UID differently; hmac knows no difference.
enum class UidForm {
    instance, ///< SOP instance, series, frame of reference: the stored bytes, then the project
    study,    ///< without the padding byte, then the project
    plain,    ///< the other elements that the original hashed: without root and project
};
/// By the element that holds the UID (PS3.6 tag).
struct UidPlace {
    std::uint16_t group = 0;
    std::uint16_t element = 0;
};
[[nodiscard]] UidForm uid_form(UidPlace place);

/// New UIDs for old ones: the same in every file, every series, every re-send of a project, and
/// unrelated between projects. Also the pseudonyms of numbers, by the same secret. Threads may
/// share one.
class UidMap {
public:
    /// `key`: the project's secret, empty for the compat schemes. Throws Error{Fault::config}
    /// if hmac has none.
    UidMap(UidScheme scheme, std::string project, std::vector<std::byte> key);

    /// `stored`: the value as in the file, padding included. Empty stays empty; UIDs of the
    /// standard stay. In hmac every component of a multiple value is mapped by itself; the compat
    /// schemes hash the whole, as the original did.
    [[nodiscard]] std::string map(std::string_view stored, UidForm form);
    /// 16 characters for an accession number or another number that must stay distinct. `stored`
    /// as in the file; in hmac an empty one is derived from the study.
    [[nodiscard]] std::string number(std::string_view stored, std::string_view study_uid) const;
    /// 16 characters for the study id, from the StudyInstanceUID.
    [[nodiscard]] std::string study_number(std::string_view study_uid) const;

    /// Whether map() ever returned it.
    [[nodiscard]] bool is_new(std::string_view uid) const;
    /// old (without padding) -> new, for `mapping.json`.
    [[nodiscard]] std::map<std::string, std::string> pairs(UidForm form) const;

private:
    [[nodiscard]] std::string make(std::string_view stored, UidForm form) const;

    UidScheme m_scheme;
    std::string m_project;
    std::vector<std::byte> m_key;
    mutable std::mutex m_mutex;
    std::unordered_map<std::string, std::string> m_made; ///< form and stored bytes -> new
    std::unordered_set<std::string> m_new;
};

/// A UID of the standard itself (root 1.2.840.10008, components of at most four digits as all of
/// PS3.6 Annex A): class, syntax, well-known instance.
[[nodiscard]] bool is_standard_uid(std::string_view uid);
/// The UIDs of a study, a series or a SOP instance: never the original's, whatever a profile says.
[[nodiscard]] bool is_instance_place(UidPlace place);

} // namespace fiona::anonymize

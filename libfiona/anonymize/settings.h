// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fiona::anonymize {

enum class UidScheme {
    hmac,       ///< `2.25.` + 128 bits of HMAC-SHA-256(project key, project NUL UID): default
    compat_dec, ///< the original's SHA-256 rendered in decimal digits
    compat_hex, ///< the original's old style; letters in UIDs
};

struct DateShift {
    enum class Kind { fixed, subject } kind = Kind::subject;
    int days = 0; ///< for fixed; added to every date
};

/// A rule of the command line or of the project: `gggg,eeee=VALUE` (-P) or `gggg,eeee=REGEX` (-R).
struct TagChange {
    std::string tag; ///< "gggg,eeee", any case, or a keyword
    std::string value;
    bool is_regex = false;
};

/// Encapsulated PDF, CDA, STL and the like.
enum class Documents {
    refuse,
    if_clean, ///< pass if no text, no metadata and no picture in them could identify
};

struct Settings {
    ProjectName project;
    ParticipantId participant;
    std::optional<EventName> event{};
    UidScheme scheme = UidScheme::hmac;
    std::optional<std::filesystem::path> key_file{}; ///< 32 bytes, mode 0600; needed by hmac
    DateShift date_shift{};
    std::vector<std::filesystem::path> profiles{}; ///< later rows win; empty: the shipped profile
    std::filesystem::path safe_private{};          ///< empty: the shipped list
    /// Further lists of private elements to keep: files, or the name of a shipped one (`mr-research`).
    std::vector<std::string> private_lists{};
    Documents documents = Documents::refuse;
    std::vector<std::filesystem::path> extra_identity{}; ///< --phi: JSON whose strings are identity
    std::vector<TagChange> tag_changes{};
    /// Inputs in which fiona has looked for burned-in text and hidden it: code 113101. What a file
    /// says about itself is not believed.
    std::set<std::filesystem::path> clean_pixels{};
    bool by_series = true;
    bool verify = true;
    bool digests = false;     ///< SHA-256 of every input and output, for a receipt
    bool scrub_leaks = false; ///< --on-leak scrub: blank the element and verify again
    unsigned threads = 2;
    /// Where to write {"StudyInstanceUID": {old: new}, "SeriesInstanceUID": ..., "SOPInstanceUID": ...,
    /// "OtherUID": ...}, mode 0600. Identifying: it undoes the de-identification.
    std::optional<std::filesystem::path> mapping_file{};
};

/// Where the settings of projects and their secrets lie.
struct ProjectFiles {
    std::filesystem::path projects; ///< projects.json, mode 0600
    std::filesystem::path keys;     ///< directory of the keys, mode 0700
};

/// Settings of one project from `<config>/projects.json`, keys in `<config>/keys/<project>.key`
/// (name percent-encoded). A project without an entry gets hmac and a subject-keyed date shift; its
/// key is made at the first use and its SHA-256 noted in projects.json: a lost or changed key is
/// Error{Fault::config}, never papered over.
[[nodiscard]] Settings project_settings(const Config& config, const ProjectName& project,
                                        const ParticipantId& participant,
                                        const std::optional<EventName>& event);
/// The same without a site: no profile of the site is looked for.
[[nodiscard]] Settings project_settings(const ProjectFiles& files, const ProjectName& project,
                                        const ParticipantId& participant,
                                        const std::optional<EventName>& event);

} // namespace fiona::anonymize

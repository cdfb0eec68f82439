// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/anonymize/vocabulary.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// What may be done with an element. The words are those of the profile's column `action`.
enum class Action {
    remove,          ///< X
    empty,           ///< Z
    keep,            ///< K; text is still searched for identifiers of the study
    dummy,           ///< D: a constant by VR
    uid,             ///< U: through the UID map
    shift,           ///< SHIFT: the date shift
    clean,           ///< CLEAN: identifiers and patterns are cut out of the text
    clean_sequence,  ///< CLEANSQ
    structured,      ///< SR: content tree
    graphics,        ///< GFX: geometry stays, text is cleaned
    recurse,         ///< RECURSE
    subject,         ///< SUBJECT
    project,         ///< PROJECT
    event,           ///< EVENT
    event_or_clean,  ///< EVENT if given else CLEAN
    hash,            ///< HASH16
    study_hash,      ///< STUDYHASH16
    codes,           ///< CODES: (0012,0064)
    method,          ///< METHOD: (0012,0063)
    constant,        ///< CONST text, or any other word of a tag change
    csa,             ///< CSA: a Siemens CSA header, scrubbed inside
    burned_in,       ///< BIA: kept; NO is claimed by nobody who has not cleaned pixels
    body_part,       ///< BODYPART: an allow-list
    ctp,             ///< CTP: private block 0013, removed as private
    by_private_list, ///< the pattern for private elements
};
constexpr std::size_t action_count = static_cast<std::size_t>(Action::by_private_list) + 1;
[[nodiscard]] std::string_view name_of(Action action);

struct Rule {
    Action action = Action::remove;
    std::string constant; ///< of Action::constant
    bool create = false;  ///< at the top level, if it is missing
    std::string regex;    ///< applied behind the action (-R)

    friend bool operator==(const Rule&, const Rule&) = default;
};

struct ProfileRow {
    std::string tag; ///< as written: 8 hex digits, `50XXXXXX`, `60XX3000`, `PRIVATE`, `private:...`
    std::string keyword;
    Vr vr;
    std::string basic;   ///< code of PS3.15 Table E.1-1; empty for our own rows
    std::string options; ///< its option columns
    Rule rule;
};

/// A private element by its creator's name (PS3.5 §7.8.1): the block number does not matter.
struct PrivateKey {
    std::string creator;
    std::uint16_t group = 0;
    std::uint8_t element = 0;
    friend auto operator<=>(const PrivateKey&, const PrivateKey&) = default;
};

/// The rules of de-identification as data: a CSV of PS3.15 Table E.1-1 and our overrides, then
/// further files and tag changes, later rows winning. Immutable once made.
class Profile {
public:
    /// Empty `files`: the shipped profile; empty `safe_private`: the shipped list. Throws
    /// Error{Fault::config} with file, line and column for what makes no sense, two rows of one file that
    /// say different things of one element among it.
    /// `more_private`: further lists of private elements, later rows winning; a bare word is one of the
    /// shipped lists (`mr-research`). The words that text may keep are shipped.
    [[nodiscard]] static Profile load(const std::vector<std::filesystem::path>& files,
                                      const std::filesystem::path& safe_private,
                                      const std::vector<TagChange>& changes = {},
                                      const std::vector<std::string>& more_private = {});

    /// The row of a standard element, patterns included; nullptr if there is none.
    [[nodiscard]] const ProfileRow* find(Tag tag) const;
    /// The rule of a private element; nullptr: not on the allow-list.
    [[nodiscard]] const Rule* find_private(const PrivateKey& key) const;
    [[nodiscard]] const std::vector<ProfileRow>& rows() const { return m_rows; }
    /// Elements to be made at the top level if they are missing.
    [[nodiscard]] const std::vector<std::size_t>& created() const { return m_created; }
    [[nodiscard]] std::size_t private_count() const { return m_private.size(); }
    [[nodiscard]] const AllowedWords& words() const { return m_words; }
    /// The private elements of the allow-list with their rules, sorted.
    [[nodiscard]] const std::vector<std::pair<PrivateKey, Rule>>& private_rows() const
    {
        return m_private;
    }
    /// SHA-256, hex, over all files read and all changes.
    [[nodiscard]] const std::string& digest() const { return m_digest; }

private:
    friend class ProfileReader;

    std::vector<ProfileRow> m_rows;
    std::vector<std::pair<Tag, std::size_t>> m_by_tag;  ///< sorted
    std::vector<std::pair<PrivateKey, Rule>> m_private; ///< sorted
    std::vector<std::size_t> m_created;
    AllowedWords m_words;
    std::optional<std::size_t> m_curves, m_overlay_data, m_overlay_comments;
    std::string m_digest;
};

/// A word of the profile or of the original's command line (`keep`, `remove`, `hashuid`, ...); a
/// text that is no such word is a constant.
[[nodiscard]] Rule parse_action(std::string_view word);

} // namespace fiona::anonymize

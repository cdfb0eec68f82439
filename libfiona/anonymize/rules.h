// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/profile.h"

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// What an item says of the fragments of its pixel data, (7FE0,0001) and (7FE0,0002): sound if it is their places
/// and lengths, and nothing else.
enum class OffsetTables { none_or_bad, sound };

/// Where an element stands, as far as the rules care.
struct Scope {
    unsigned depth = 0;      ///< 0: the top level
    bool is_dummy = false;   ///< inside a sequence of action D: texts become dummies
    bool is_private = false; ///< inside an allowed private sequence
    OffsetTables tables = OffsetTables::none_or_bad; ///< of the item
};

/// Which creator reserved which private block of an item (PS3.5 §7.8.1).
class PrivateBlocks {
public:
    explicit PrivateBlocks(const Item& item);
    /// The creator's element and offset of a private data element; nothing if nobody reserved it.
    [[nodiscard]] std::optional<PrivateKey> key(Tag tag) const;
    [[nodiscard]] static bool is_creator(Tag tag);

private:
    std::map<Tag, std::string> m_creators; ///< by the tag of the creator element
};

struct Decision {
    Rule rule;
    std::string_view reason; ///< for people
    /// The standard's table has a row for it, or people type it: of its text only allowed words stay.
    bool is_typed = false;
};

/// The rule for one element: the profile, else the private allow-list, else the default of its VR
/// (deny for what may hold free text, unless it is cleaned; allow for numbers).
[[nodiscard]] Decision decide(const Profile& profile, const PrivateBlocks& blocks,
                              const Element& element, const Scope& scope);

/// False for elements whose UID is a class, a syntax or a coding scheme.
[[nodiscard]] bool uid_names_instance(Tag tag);

/// The VR that counts for the rules: the file's, or the dictionary's where the file says UN.
[[nodiscard]] Vr effective_vr(const Element& element);

} // namespace fiona::anonymize

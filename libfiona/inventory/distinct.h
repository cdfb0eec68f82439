// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/digest.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <unordered_set>

namespace fiona::inventory {

/// Which texts have been seen, in 16 bytes each: half a SHA-256 has no equal by chance.
class Distinct {
public:
    /// True the first time.
    bool add(std::string_view text)
    {
        const auto digest = sha256(text);
        Key key;
        std::memcpy(key.data(), digest.data(), sizeof key);
        return m_seen.insert(key).second;
    }
    [[nodiscard]] std::size_t size() const { return m_seen.size(); }

private:
    using Key = std::array<std::size_t, 2>;
    struct Hash {
        std::size_t operator()(const Key& key) const { return key[0]; }
    };
    std::unordered_set<Key, Hash> m_seen;
};

} // namespace fiona::inventory

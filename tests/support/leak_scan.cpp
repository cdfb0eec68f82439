// SPDX-License-Identifier: MIT
#include "tests/support/leak_scan.h"

#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace fs = std::filesystem;

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20U;
constexpr std::size_t window = 4; ///< every pattern is found by its last four bytes

char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::u32string code_points(std::string_view text)
{
    if (!fiona::is_utf8(text)) {
        throw std::runtime_error{"an identifying value is not UTF-8"};
    }
    std::u32string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0U) == 0x80U) {
            result.back() = (result.back() << 6U) | (byte & 0x3fU);
        } else {
            const unsigned mask = byte < 0x80   ? 0x7fU
                                  : byte < 0xe0 ? 0x1fU
                                  : byte < 0xf0 ? 0x0fU
                                                : 0x07U;
            result.push_back(byte & mask);
        }
    }
    return result;
}

/// Upper and lower case of Latin-1's letters and of Latin Extended-A's pairs: the names of Europe.
char32_t lower(char32_t c)
{
    const bool latin1 = c >= 0xc0 && c <= 0xde && c != 0xd7;
    if ((c >= 'A' && c <= 'Z') || latin1) {
        return c + 0x20;
    }
    const bool odd_is_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    const bool paired =
        c >= 0x100 && c <= 0x17e && c != 0x130 && c != 0x138 && c != 0x149 && c != 0x178;
    return paired && c % 2 == (odd_is_upper ? 1U : 0U) ? c + 1 : c;
}

char32_t upper(char32_t c)
{
    for (const char32_t distance : {0x20U, 1U}) {
        if (c > distance && lower(c - distance) == c && c - distance != c) {
            return c - distance;
        }
    }
    return c;
}

std::string utf8(const std::u32string& text)
{
    std::string result;
    for (const auto c : text) {
        const auto tail = [&](unsigned shift) {
            result += static_cast<char>(0x80U | ((c >> shift) & 0x3fU));
        };
        if (c < 0x80) {
            result += static_cast<char>(c);
        } else if (c < 0x800) {
            result += static_cast<char>(0xc0U | (c >> 6U));
            tail(0);
        } else if (c < 0x10000) {
            result += static_cast<char>(0xe0U | (c >> 12U));
            tail(6);
            tail(0);
        } else {
            result += static_cast<char>(0xf0U | (c >> 18U));
            tail(12);
            tail(6);
            tail(0);
        }
    }
    return result;
}

std::optional<std::string> latin1(const std::u32string& text)
{
    std::string result;
    for (const auto c : text) {
        if (c > 0xff) {
            return std::nullopt;
        }
        result += static_cast<char>(c);
    }
    return result;
}

/// Two bytes a character, for the basic plane; the low byte first.
std::string utf16_little(const std::u32string& text)
{
    std::string result;
    for (const auto c : text) {
        result += static_cast<char>(c & 0xffU);
        result += static_cast<char>((c >> 8U) & 0xffU);
    }
    return result;
}

/// All byte strings by which a value could be written, ASCII letters folded to lower case.
std::set<std::string> spellings(std::string_view value)
{
    std::set<std::string> found;
    const auto original = code_points(value);
    auto lowered = original;
    auto raised = original;
    std::ranges::transform(lowered, lowered.begin(), lower);
    std::ranges::transform(raised, raised.begin(), upper);
    for (const auto& text : {original, lowered, raised}) {
        found.insert(utf8(text));
        if (const auto narrow = latin1(text)) {
            found.insert(*narrow);
        }
        auto wide = utf16_little(text);
        found.insert(wide);
        for (std::size_t i = 0; i + 1 < wide.size(); i += 2) {
            std::swap(wide[i], wide[i + 1]);
        }
        found.insert(wide);
    }
    std::set<std::string> result;
    for (auto text : found) {
        std::ranges::transform(text, text.begin(), folded);
        result.insert(std::move(text));
    }
    return result;
}

/// Whether the digits that end at `last` belong to the one number of a UID under 2.25 (PS3.5 §B.2), as de-identification
/// makes them: 39 digits of a hash hold any short number sooner or later. Original UIDs are patterns themselves.
bool is_in_uuid_uid(std::string_view text, std::size_t last)
{
    constexpr std::string_view root = "2.25.";
    constexpr std::size_t most_digits = 39;
    const auto begin = last + 1 - std::min(last + 1, most_digits + root.size());
    const auto before = text.substr(begin, last + 1 - begin);
    const auto digits = before.find_last_not_of("0123456789");
    return digits != std::string_view::npos && before.substr(0, digits + 1).ends_with(root);
}

bool is_number(std::string_view text)
{
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

class Patterns {
public:
    explicit Patterns(const Identity& identity)
    {
        for (const auto& [kind, values] : identity) {
            for (const auto& value : values) {
                if (value.size() < window) {
                    throw std::runtime_error{"an identifying value is too short to be looked for"};
                }
                for (const auto& spelling : spellings(value)) {
                    const auto key = key_at(spelling.data() + spelling.size() - window);
                    m_by_tail[key].push_back({spelling, kind});
                    m_tails.set(slot(key));
                    m_longest = std::max(m_longest, spelling.size());
                }
            }
        }
    }

    [[nodiscard]] std::size_t longest() const { return m_longest; }

    /// Calls `found(kind, index of the last byte)` for each match that ends at `from` or later.
    /// `text` is folded.
    void search(std::string_view text, std::size_t from, const auto& found) const
    {
        for (std::size_t last = std::max(from, window - 1); last < text.size(); ++last) {
            const auto key = key_at(text.data() + last + 1 - window);
            if (!m_tails.test(slot(key))) {
                continue;
            }
            const auto candidates = m_by_tail.find(key);
            if (candidates == m_by_tail.end()) {
                continue;
            }
            for (const auto& [spelling, kind] : candidates->second) {
                if (text.substr(0, last + 1).ends_with(spelling)
                    && !(is_number(spelling) && is_in_uuid_uid(text, last))) {
                    found(kind, last);
                }
            }
        }
    }

private:
    struct Pattern {
        std::string spelling;
        std::string kind;
    };

    static std::uint32_t key_at(const char* bytes)
    {
        std::uint32_t key = 0;
        std::memcpy(&key, bytes, window);
        return key;
    }
    static std::size_t slot(std::uint32_t key)
    {
        constexpr std::uint32_t golden = 2654435761U; // Knuth's multiplicative hash
        return (key * golden) >> 16U;
    }

    std::unordered_map<std::uint32_t, std::vector<Pattern>> m_by_tail;
    std::bitset<65536> m_tails; ///< the quick no
    std::size_t m_longest = 64; ///< bytes to look back: a pattern, or a UID around one
};

class Scan {
public:
    explicit Scan(const Patterns& patterns) : m_patterns{patterns} {}

    void file(const fs::path& path)
    {
        const fiona::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        if (!fd) {
            throw std::runtime_error{"cannot open " + path.native()};
        }
        std::string text; // the tail of the last block, then the new one
        std::uint64_t offset = 0;
        m_seen.clear();
        for (;;) {
            const auto kept = text.size();
            text.resize(kept + block_bytes);
            const auto got = ::read(fd.get(), text.data() + kept, block_bytes);
            if (got < 0) {
                throw std::runtime_error{"cannot read " + path.native()};
            }
            if (got == 0) {
                return;
            }
            text.resize(kept + static_cast<std::size_t>(got));
            std::transform(text.begin() + static_cast<std::ptrdiff_t>(kept), text.end(),
                           text.begin() + static_cast<std::ptrdiff_t>(kept), folded);
            m_patterns.search(text, kept, [&](const std::string& kind, std::size_t last) {
                note({Leak::Place::content, path, kind, offset + last});
            });
            const auto tail = std::min(text.size(), m_patterns.longest());
            offset += text.size() - tail;
            text.erase(0, text.size() - tail);
        }
    }

    void words(Leak::Place place, const fs::path& path, std::string text)
    {
        m_seen.clear();
        std::ranges::transform(text, text.begin(), folded);
        m_patterns.search(text, 0, [&](const std::string& kind, std::size_t last) {
            note({place, path, kind, last});
        });
    }

    void entry(const fs::path& path)
    {
        words(Leak::Place::file_name, path, path.filename().native());
        if (fs::is_symlink(path)) {
            words(Leak::Place::link_target, path, fs::read_symlink(path).native());
        } else if (fs::is_regular_file(path)) {
            file(path);
        }
    }

    [[nodiscard]] std::vector<Leak> take() { return std::move(m_leaks); }

private:
    void note(Leak leak)
    {
        if (m_seen.insert(leak.kind).second) {
            m_leaks.push_back(std::move(leak));
        }
    }

    const Patterns& m_patterns;
    std::set<std::string> m_seen; ///< kinds already reported for this file
    std::vector<Leak> m_leaks;
};

} // namespace

std::vector<Leak> leak_scan(const std::vector<fs::path>& roots, const Identity& identity)
{
    const Patterns patterns{identity};
    Scan scan{patterns};
    for (const auto& root : roots) {
        if (!fs::exists(root)) {
            throw std::runtime_error{"no such file: " + root.native()};
        }
        if (!fs::is_directory(root)) {
            scan.entry(root);
            continue;
        }
        for (const auto& entry : fs::recursive_directory_iterator{root}) {
            scan.entry(entry.path());
        }
    }
    return scan.take();
}

Identity read_identity(const fs::path& file)
{
    const auto document = fiona::json::parse(fiona::read_file(file), file.native());
    Identity identity;
    for (const auto& [kind, values] : document.object()) {
        for (const auto& value : values.array()) {
            identity[kind].push_back(value.string());
        }
    }
    return identity;
}

std::string identity_json(const Identity& identity)
{
    fiona::json::Object document;
    for (const auto& [kind, values] : identity) {
        document[kind] = fiona::json::Array(values.begin(), values.end());
    }
    return fiona::json::write(document, fiona::json::Style::pretty) + "\n";
}

Identity merged(Identity one, const Identity& other)
{
    for (const auto& [kind, values] : other) {
        auto& mine = one[kind];
        mine.insert(mine.end(), values.begin(), values.end());
        std::ranges::sort(mine);
        // Not std::ranges::unique: clang 14 cannot read its subrange.
        mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
    }
    return one;
}

std::string describe(const Leak& leak)
{
    switch (leak.place) {
    case Leak::Place::content: return leak.file.native() + ": " + leak.kind;
    case Leak::Place::file_name:
        return leak.file.parent_path().native() + "/(a name in it): " + leak.kind;
    case Leak::Place::link_target: break;
    }
    return leak.file.parent_path().native() + "/(the target of a link in it): " + leak.kind;
}

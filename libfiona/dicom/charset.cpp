// SPDX-License-Identifier: MIT
#include "libfiona/dicom/charset.h"

#include "libfiona/base/text.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

namespace fiona::dicom {

namespace {

/// One code element: what glibc calls the encoding, how many bytes make a character, and which
/// bytes must stand before each character and be or-ed to it to make it that encoding.
struct CodeElement {
    const char* encoding;
    std::size_t width;
    unsigned char prefix; ///< 0: none
    unsigned char high_bit;
};

// PS3.3 Table C.12-2 to C.12-4. JIS, KS and GB sets are read through the EUC form of their country.
constexpr CodeElement latin1{"ISO-8859-1", 1, 0, 0};
constexpr CodeElement latin2{"ISO-8859-2", 1, 0, 0};
constexpr CodeElement latin3{"ISO-8859-3", 1, 0, 0};
constexpr CodeElement latin4{"ISO-8859-4", 1, 0, 0};
constexpr CodeElement latin5{"ISO-8859-9", 1, 0, 0};
constexpr CodeElement latin9{"ISO-8859-15", 1, 0, 0};
constexpr CodeElement cyrillic{"ISO-8859-5", 1, 0, 0};
constexpr CodeElement arabic{"ISO-8859-6", 1, 0, 0};
constexpr CodeElement greek{"ISO-8859-7", 1, 0, 0};
constexpr CodeElement hebrew{"ISO-8859-8", 1, 0, 0};
constexpr CodeElement thai{"TIS-620", 1, 0, 0};
constexpr CodeElement katakana{"EUC-JP", 1, 0x8e, 0};
constexpr CodeElement jis_x0208{"EUC-JP", 2, 0, 0x80};
constexpr CodeElement jis_x0212{"EUC-JP", 2, 0x8f, 0x80};
constexpr CodeElement ks_x1001{"EUC-KR", 2, 0, 0};
constexpr CodeElement gb2312{"GB2312", 2, 0, 0};

struct Term {
    std::string_view number; ///< behind "ISO_IR " or "ISO 2022 IR "
    const CodeElement* high; ///< what bytes of 0x80 and more mean without an escape; may be absent
};

constexpr std::array<Term, 20> terms{{{"6", nullptr},
                                      {"13", &katakana},
                                      {"58", nullptr},
                                      {"87", nullptr},
                                      {"100", &latin1},
                                      {"101", &latin2},
                                      {"109", &latin3},
                                      {"110", &latin4},
                                      {"126", &greek},
                                      {"127", &arabic},
                                      {"138", &hebrew},
                                      {"144", &cyrillic},
                                      {"148", &latin5},
                                      {"149", nullptr},
                                      {"159", nullptr},
                                      {"166", &thai},
                                      {"203", &latin9},
                                      // not in the standard, seen in the field
                                      {"1", nullptr},
                                      {"2022", nullptr},
                                      {"165", nullptr}}};

struct Escape {
    std::string_view sequence; ///< behind ESC
    bool is_high;              ///< designates G1, else G0
    const CodeElement* set;    ///< absent: ASCII, or the Latin half of JIS X 0201
};

constexpr std::array<Escape, 19> escapes{{{"(B", false, nullptr},
                                          {"(J", false, nullptr},
                                          {")I", true, &katakana},
                                          {"-A", true, &latin1},
                                          {"-B", true, &latin2},
                                          {"-C", true, &latin3},
                                          {"-D", true, &latin4},
                                          {"-F", true, &greek},
                                          {"-G", true, &arabic},
                                          {"-H", true, &hebrew},
                                          {"-L", true, &cyrillic},
                                          {"-M", true, &latin5},
                                          {"-T", true, &thai},
                                          {"-b", true, &latin9},
                                          {"$B", false, &jis_x0208},
                                          {"$@", false, &jis_x0208},
                                          {"$(D", false, &jis_x0212},
                                          {"$)C", true, &ks_x1001},
                                          {"$)A", true, &gb2312}}};

class Converter {
public:
    explicit Converter(const char* encoding) : m_handle{::iconv_open("UTF-8", encoding)} {}
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    ~Converter()
    {
        if (m_handle != invalid()) {
            ::iconv_close(m_handle);
        }
    }

    [[nodiscard]] std::optional<std::string> convert(std::string bytes) const
    {
        if (m_handle == invalid()) {
            return std::nullopt;
        }
        ::iconv(m_handle, nullptr, nullptr, nullptr, nullptr);
        std::string result(bytes.size() * 4 + 4, '\0'); // UTF-8 needs at most four a character
        auto* in = bytes.data();
        auto* out = result.data();
        std::size_t in_left = bytes.size();
        std::size_t out_left = result.size();
        if (::iconv(m_handle, &in, &in_left, &out, &out_left) == static_cast<std::size_t>(-1)) {
            return std::nullopt;
        }
        result.resize(result.size() - out_left);
        return result;
    }

private:
    static iconv_t invalid()
    {
        // NOLINTNEXTLINE(performance-no-int-to-ptr,cppcoreguidelines-pro-type-reinterpret-cast) POSIX
        return reinterpret_cast<iconv_t>(-1);
    }

    iconv_t m_handle;
};

bool is_plain(std::string_view bytes)
{
    return std::ranges::all_of(
        bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '\x1b'; });
}

std::string guess(std::string_view bytes)
{
    if (is_utf8(bytes)) {
        return std::string{bytes};
    }
    std::string result;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            result += c;
        } else {
            result += static_cast<char>(0xc0U | (byte >> 6U));
            result += static_cast<char>(0x80U | (byte & 0x3fU));
        }
    }
    return result;
}

const Term* find_term(std::string_view name)
{
    for (const std::string_view prefix : {"ISO_IR ", "ISO 2022 IR ", "ISO-IR ", "ISO IR "}) {
        if (name.starts_with(prefix)) {
            const auto* const found =
                std::ranges::find(terms, name.substr(prefix.size()), &Term::number);
            return found == terms.end() ? nullptr : found;
        }
    }
    return nullptr;
}

} // namespace

struct Charset::Data {
    const char* whole = nullptr; ///< UTF-8, GB18030, GBK: no designations, one conversion
    const CodeElement* initial_high = nullptr;
    mutable std::map<std::string_view, Converter> converters{};

    [[nodiscard]] const Converter& converter(const char* encoding) const
    {
        return converters.try_emplace(encoding, encoding).first->second;
    }

    [[nodiscard]] std::optional<std::string> run(const CodeElement& set,
                                                 std::string_view bytes) const
    {
        if (bytes.size() % set.width != 0) {
            return std::nullopt;
        }
        std::string euc;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (set.prefix != 0 && i % set.width == 0) {
                euc += static_cast<char>(set.prefix);
            }
            euc += static_cast<char>(static_cast<unsigned char>(bytes[i]) | set.high_bit);
        }
        return converter(set.encoding).convert(std::move(euc));
    }

    [[nodiscard]] std::optional<std::string> designated(std::string_view bytes,
                                                        std::string_view delimiters) const;
};

/// Walks over the designations; nothing as soon as a byte makes no sense.
std::optional<std::string> Charset::Data::designated(std::string_view bytes,
                                                     std::string_view delimiters) const
{
    std::string result;
    const CodeElement* low = nullptr;
    const CodeElement* high = initial_high;
    while (!bytes.empty()) {
        if (bytes.front() == '\x1b') {
            const auto* const escape = std::ranges::find_if(escapes, [&](const Escape& known) {
                return bytes.substr(1).starts_with(known.sequence);
            });
            if (escape == escapes.end()) {
                return std::nullopt;
            }
            (escape->is_high ? high : low) = escape->set;
            bytes.remove_prefix(1 + escape->sequence.size());
            continue;
        }
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
        const auto is_high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
        const auto is_delimiter = [&](char c) {
            return delimiters.find(c) != std::string_view::npos;
        };
        if (is_control(bytes.front()) || (low == nullptr && is_delimiter(bytes.front()))) {
            result += bytes.front();
            bytes.remove_prefix(1);
            low = nullptr;
            high = initial_high;
            continue;
        }
        const bool in_high = is_high(bytes.front());
        const auto* const end = std::ranges::find_if(bytes, [&](char c) {
            return is_control(c) || is_high(c) != in_high
                   || (!in_high && low == nullptr && is_delimiter(c));
        });
        const auto part = bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
        bytes.remove_prefix(part.size());
        const auto* const set = in_high ? high : low;
        if (set == nullptr && in_high) {
            return std::nullopt;
        }
        const auto text = set == nullptr ? std::optional{std::string{part}} : run(*set, part);
        if (!text) {
            return std::nullopt;
        }
        result += *text;
    }
    return result;
}

Charset::Charset() : m_data{std::make_unique<Data>()} {}

Charset::Charset(std::string_view value) : Charset{}
{
    const auto names = split(value, '\\');
    const auto first = trimmed(names.front());
    for (const auto name : names) {
        const auto bare = trimmed(name);
        if (bare == "ISO_IR 192" || bare == "GB18030" || bare == "GBK") {
            m_data->whole = bare == "ISO_IR 192" ? "UTF-8" : bare == "GB18030" ? "GB18030" : "GBK";
            return;
        }
    }
    if (const auto* const term = find_term(first)) {
        m_data->initial_high = term->high;
    }
}

Charset::Charset(Charset&&) noexcept = default;
Charset& Charset::operator=(Charset&&) noexcept = default;
Charset::~Charset() = default;

Charset::Text Charset::decode(std::string_view bytes, std::string_view delimiters) const
{
    if (is_plain(bytes)) { // ASCII is ASCII in every set of DICOM
        return {std::string{bytes}, false};
    }
    auto decoded = m_data->whole == nullptr
                       ? m_data->designated(bytes, delimiters)
                       : m_data->converter(m_data->whole).convert(std::string{bytes});
    if (decoded) {
        return {std::move(*decoded), false};
    }
    return {guess(bytes), true};
}

} // namespace fiona::dicom

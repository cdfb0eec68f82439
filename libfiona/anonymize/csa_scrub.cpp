// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/csa_scrub.h"

#include "libfiona/anonymize/cleaner.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"
#include "libfiona/csa/header.h"
#include "libfiona/csa/layout.h"

#include <algorithm>
#include <array>

namespace fiona::anonymize {

namespace {

bool is_number(std::string_view vr)
{
    constexpr std::array<std::string_view, 8> numeric{"IS", "DS", "FD", "FL",
                                                      "SS", "US", "SL", "UL"};
    return std::ranges::find(numeric, vr) != numeric.end();
}

bool is_instance_uid(std::string_view text)
{
    return is_uid(text) && std::ranges::count(text, '.') >= 4 && !is_standard_uid(text);
}

class Scrubber {
public:
    Scrubber(const Identity& identity, UidMap& uids, const AllowedWords& words)
        : m_identity{identity}, m_uids{uids}, m_words{words}
    {
    }

    [[nodiscard]] std::string scrubbed(const csa::Piece& piece, std::string_view text) const
    {
        switch (piece.kind) {
        case csa::Piece::Kind::value: return value(piece, text);
        case csa::Piece::Kind::name: return bare(text); // a patient may be called as a tag is
        case csa::Piece::Kind::structure: break;
        }
        return std::string{text};
    }

private:
    [[nodiscard]] std::string value(const csa::Piece& piece, std::string_view text) const
    {
        const auto bare = trimmed(text);
        if (is_number(piece.vr)) {
            const bool legal = bare.find_first_not_of("0123456789+-.eE ") == std::string_view::npos;
            return legal ? std::string{text} : std::string{};
        }
        if (piece.vr == "PN" || piece.vr == "DA" || piece.vr == "DT" || piece.vr == "TM") {
            return {};
        }
        if (piece.vr == "UI") {
            return uid(bare);
        }
        const bool is_protocol = text.find('\n') != std::string_view::npos
                                 || text.find("<XProtocol>") != std::string_view::npos;
        return is_protocol ? protocol(text) : string(text);
    }

    [[nodiscard]] std::string uid(std::string_view text) const
    {
        if (is_instance_uid(text)) {
            return m_uids.map(text, UidForm::instance);
        }
        return is_standard_uid(text) ? std::string{text} : std::string{};
    }

    [[nodiscard]] std::string string(std::string_view text) const
    {
        if (const auto bare = trimmed(text); is_instance_uid(bare)) {
            return uid(bare);
        }
        const auto clean = cleaned(csa::utf8(text), m_identity, CleaningDepth::words,
                                   Multiplicity::single, &m_words);
        return clean ? *clean : std::string{text};
    }

    /// Line by line: quoted strings as any text, between them only what is certainly an identifier.
    [[nodiscard]] std::string protocol(std::string_view text) const
    {
        std::string result;
        result.reserve(text.size());
        for (std::size_t at = 0; at < text.size();) {
            const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
            line(text.substr(at, end - at), result);
            at = end;
        }
        return result;
    }

    void line(std::string_view text, std::string& result) const
    {
        for (std::size_t at = 0; at < text.size();) {
            const auto open = std::min(text.find('"', at), text.size());
            result += bare(text.substr(at, open - at));
            const auto inside = std::min(text.find_first_not_of('"', open), text.size());
            const auto close = text.find('"', inside);
            result += text.substr(open, inside - open);
            // Two quotes and no further one are an empty string.
            if (close == std::string_view::npos) {
                result += bare(text.substr(inside));
                return;
            }
            const auto behind = std::min(text.find_first_not_of('"', close), text.size());
            // <ParamString."Name">: the name of a parameter, not a value.
            const bool is_key = open > 0 && text[open - 1] == '.';
            const auto content = text.substr(inside, close - inside);
            result += is_key ? bare(content) : string(content);
            result += text.substr(close, behind - close);
            at = behind;
        }
    }

    /// Identifiers overwritten, the rest as it is.
    [[nodiscard]] std::string bare(std::string_view text) const
    {
        std::string result{text};
        const auto folded = fold(text, Reading::latin1);
        const auto overwrite = [&](const Range& range) {
            for (auto i = range.begin; i < range.end; ++i) {
                auto& c = result[folded.origin[i]];
                c = is_digit(c) ? '0' : 'x';
            }
        };
        for (const auto& hit : m_identity.find(folded)) {
            if (hit.is_certain && !hit.is_trade_word) {
                overwrite(hit.range);
            }
        }
        for (const auto& range : m_identity.find_uids(folded.text)) {
            overwrite(range);
        }
        constexpr std::size_t least_dots = 5;
        constexpr std::size_t least_bytes = 20;
        for (const auto& range : find_dotted_runs(folded.text, least_dots, least_bytes)) {
            overwrite(range);
        }
        return result;
    }

    const Identity& m_identity;
    UidMap& m_uids;
    const AllowedWords& m_words;
};

} // namespace

std::optional<std::string> scrubbed_csa(std::string_view bytes, const Identity& identity,
                                        UidMap& uids, const AllowedWords& words)
{
    const auto pieces = csa::layout(bytes);
    if (!pieces) {
        return std::nullopt;
    }
    std::string result(bytes.size(), '\0');
    const Scrubber scrubber{identity, uids, words};
    for (const auto& piece : *pieces) {
        const auto text = bytes.substr(piece.begin, piece.end - piece.begin);
        const auto kept = scrubber.scrubbed(piece, text);
        // A new UID that is longer than its place would be another UID.
        const bool fits = kept.size() <= text.size();
        if (fits || piece.vr != "UI") {
            std::copy_n(kept.begin(), std::min(kept.size(), text.size()),
                        result.begin() + static_cast<std::ptrdiff_t>(piece.begin));
        }
    }
    return result;
}

} // namespace fiona::anonymize

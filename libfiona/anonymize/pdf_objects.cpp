// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/pdf_objects.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <memory>

namespace fiona::anonymize {

namespace {

constexpr std::string_view marker = "/ObjStm";

std::size_t occurrences(std::string_view text, std::string_view word)
{
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

struct EndInflate {
    void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};

/// What a zlib stream at the start of `packed` holds; nothing if it is none, or if it holds more than
/// `most_bytes`.
std::optional<std::string> inflated(std::string_view packed, std::size_t most_bytes)
{
    z_stream state{};
    if (::inflateInit(&state) != Z_OK) {
        return std::nullopt;
    }
    const std::unique_ptr<z_stream, EndInflate> guard{&state};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib counts in unsigned bytes
    state.next_in = reinterpret_cast<const Bytef*>(packed.data());
    state.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT_MAX));
    std::string result;
    std::array<char, 65536> block{};
    for (int said = Z_OK; said != Z_STREAM_END;) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) as above
        state.next_out = reinterpret_cast<Bytef*>(block.data());
        state.avail_out = static_cast<uInt>(block.size());
        said = ::inflate(&state, Z_NO_FLUSH);
        result.append(block.data(), block.size() - state.avail_out);
        if ((said != Z_OK && said != Z_STREAM_END) || result.size() > most_bytes) {
            return std::nullopt;
        }
    }
    return result;
}

/// The object stream whose dictionary holds the word at `at`.
std::optional<std::string> objects_at(std::string_view pdf, std::size_t at, std::size_t most_bytes)
{
    constexpr std::size_t longest_dictionary = 4096;
    const auto start = pdf.rfind("obj", at);
    const auto keyword = pdf.find("stream", at + marker.size());
    if (start == std::string_view::npos || keyword == std::string_view::npos
        || keyword - start > longest_dictionary) {
        return std::nullopt;
    }
    const auto dictionary = pdf.substr(start, keyword - start);
    auto data = pdf.substr(keyword + std::string_view{"stream"}.size());
    data.remove_prefix(data.starts_with("\r\n") ? 2 : data.starts_with('\n') ? 1 : 0);
    if (dictionary.find("/DecodeParms") != std::string_view::npos
        || dictionary.find("/Crypt") != std::string_view::npos) {
        return std::nullopt;
    }
    if (dictionary.find("/Filter") == std::string_view::npos) {
        const auto end = data.find("endstream");
        return end > most_bytes ? std::nullopt : std::optional{std::string{data.substr(0, end)}};
    }
    const bool is_deflated =
        occurrences(dictionary, "/FlateDecode") == 1 && occurrences(dictionary, "Decode") == 1;
    return is_deflated ? inflated(data, most_bytes) : std::nullopt;
}

} // namespace

std::string with_plain_names(std::string_view pdf)
{
    std::string result;
    result.reserve(pdf.size());
    for (std::size_t i = 0; i < pdf.size(); ++i) {
        unsigned value = 0;
        const auto digits = pdf.substr(i + 1, pdf[i] == '#' ? 2 : 0);
        const auto* const end = digits.data() + digits.size();
        const bool is_escaped =
            digits.size() == 2 && std::from_chars(digits.data(), end, value, 16).ptr == end;
        result += is_escaped ? static_cast<char>(value) : pdf[i];
        i += is_escaped ? 2 : 0;
    }
    return result;
}

std::optional<std::string> objects_in_streams(std::string_view pdf, std::size_t most_bytes)
{
    std::string objects;
    std::size_t found = 0;
    for (auto at = pdf.find(marker); at != std::string_view::npos; at = pdf.find(marker, at + 1)) {
        ++found;
        const auto more = objects_at(pdf, at, most_bytes - objects.size());
        if (!more) {
            return std::nullopt;
        }
        objects += *more;
        objects += '\n';
        if (objects.size() > most_bytes) {
            return std::nullopt;
        }
    }
    // Nobody has a reason to write this name in another way.
    const bool hides_some = occurrences(with_plain_names(pdf), marker) != found;
    return hides_some ? std::nullopt : std::optional{std::move(objects)};
}

} // namespace fiona::anonymize

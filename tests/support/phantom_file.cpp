// SPDX-License-Identifier: MIT
#include "tests/support/phantom_file.h"

#include "libfiona/store/atomic_file.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace phantom {

namespace fs = std::filesystem;

Element text(Tag tag, Vr vr, std::string_view value)
{
    Element element;
    element.tag = tag;
    element.vr = vr;
    element.set(std::string{value});
    return element;
}

Element sequence(Tag tag, std::vector<Item> items)
{
    Element element;
    element.tag = tag;
    element.vr = "SQ";
    element.is_sequence = true;
    element.items = std::move(items);
    return element;
}

void put(Item& item, Element element)
{
    std::erase_if(item.elements, [&](const Element& old) { return old.tag == element.tag; });
    const auto at = std::ranges::lower_bound(item.elements, element.tag, {}, &Element::tag);
    item.elements.insert(at, std::move(element));
}

Item image(const Names& names)
{
    Item root;
    put(root, text({0x0008, 0x0005}, "CS", "ISO_IR 100"));
    put(root, text({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY"));
    put(root, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
    put(root, text({0x0008, 0x0018}, "UI", names.instance));
    put(root, text({0x0008, 0x0020}, "DA", "20240120"));
    put(root, text({0x0008, 0x0030}, "TM", "101112"));
    put(root, text({0x0008, 0x0050}, "SH", "ACC7654321"));
    put(root, text({0x0008, 0x0060}, "CS", "MR"));
    put(root, text({0x0008, 0x0080}, "LO", "Fjellheim Sykehus"));
    put(root, text({0x0008, 0x1030}, "LO", "MR Caput Pr\xf8ve"));
    put(root, text({0x0010, 0x0010}, "PN", "Pr\xf8ve^Kari"));
    put(root, text({0x0010, 0x0020}, "LO", "PID998877"));
    put(root, text({0x0010, 0x0030}, "DA", "19610307"));
    put(root, text({0x0010, 0x0040}, "CS", "F"));
    put(root, text({0x0018, 0x0050}, "DS", "3.5"));
    put(root, text({0x0020, 0x000d}, "UI", names.study));
    put(root, text({0x0020, 0x000e}, "UI", names.series));
    put(root, text({0x0020, 0x0032}, "DS", "-1.5\\2\\3"));
    put(root, text({0x0020, 0x0052}, "UI", "1.2.752.24.5.111111.4"));
    return root;
}

namespace {

std::string_view uid_of(Syntax syntax)
{
    switch (syntax) {
    case Syntax::implicit: return "1.2.840.10008.1.2";
    case Syntax::explicit_little: return "1.2.840.10008.1.2.1";
    case Syntax::explicit_big: return "1.2.840.10008.1.2.2";
    case Syntax::deflated: return "1.2.840.10008.1.2.1.99";
    case Syntax::rle: break;
    }
    return "1.2.840.10008.1.2.5";
}

Encoding encoding_of(Syntax syntax)
{
    return syntax == Syntax::implicit       ? Encoding::implicit_little
           : syntax == Syntax::explicit_big ? Encoding::explicit_big
                                            : Encoding::explicit_little;
}

std::string number(std::uint64_t value, unsigned bytes, bool is_big = false)
{
    std::string number;
    for (unsigned i = 0; i < bytes; ++i) {
        number.push_back(static_cast<char>(value >> (8 * (is_big ? bytes - 1 - i : i))));
    }
    return number;
}

/// 32 rows of 64 samples.
std::string pixel_element(Syntax syntax)
{
    if (syntax == Syntax::rle) {
        std::string plane;
        for (char run = 0; run < 16; ++run) {
            plane += {'\x81', run}; // 128 times
        }
        const auto header = number(2, 4) + number(64, 4) + number(64 + plane.size(), 4);
        return encapsulated({header + std::string(64 - header.size(), '\0') + plane + plane});
    }
    Item item;
    std::string samples;
    for (int i = 0; i < 4096; ++i) {
        samples += static_cast<char>(i * 7 % 251);
    }
    put(item, text({0x7fe0, 0x0010}, "OW", samples));
    return fiona::anonymize::write_data_set(item, encoding_of(syntax));
}

void put_size(Item& item, unsigned rows, unsigned columns, unsigned bits, bool is_big)
{
    put(item, text({0x0028, 0x0010}, "US", number(rows, 2, is_big)));
    put(item, text({0x0028, 0x0011}, "US", number(columns, 2, is_big)));
    put(item, text({0x0028, 0x0100}, "US", number(bits, 2, is_big)));
}

std::string deflated(const std::string& bytes)
{
    z_stream stream{};
    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string input{bytes};
    std::string output(bytes.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    ::deflate(&stream, Z_FINISH);
    output.resize(output.size() - stream.avail_out);
    deflateEnd(&stream);
    output.resize(output.size() + output.size() % 2, '\0');
    return output;
}

} // namespace

std::string encapsulated(const std::vector<std::string>& fragments, std::string_view table,
                         std::string_view vr)
{
    const auto item = [](std::string_view value) {
        return std::string{"\xfe\xff\x00\xe0", 4} + number(value.size(), 4) + std::string{value};
    };
    auto bytes = std::string{"\xe0\x7f\x10\x00", 4} + std::string{vr}
                 + std::string{"\0\0\xff\xff\xff\xff", 6} + item(table);
    for (const auto& fragment : fragments) {
        bytes += item(fragment);
    }
    return bytes + std::string{"\xfe\xff\xdd\xe0\0\0\0\0", 8};
}

void put_size(Item& item, unsigned rows, unsigned columns, unsigned bits_allocated)
{
    put_size(item, rows, columns, bits_allocated, false);
}

Made write(const fs::path& file, const Item& root, Syntax syntax)
{
    auto sized = root;
    put_size(sized, 32, 64, 16, syntax == Syntax::explicit_big);
    return write(file, sized, uid_of(syntax), pixel_element(syntax));
}

Made write(const fs::path& file, const Item& root, std::string_view transfer_syntax,
           const std::string& pixels)
{
    Item meta;
    put(meta, text({0x0002, 0x0001}, "OB", std::string_view{"\0\1", 2}));
    const auto copy = [&](std::uint16_t number, Tag tag) {
        const auto* const found = root.find(tag);
        put(meta, text({0x0002, number}, "UI", found == nullptr ? "1.2.3" : found->value()));
    };
    copy(0x0002, {0x0008, 0x0016});
    copy(0x0003, {0x0008, 0x0018});
    put(meta, text({0x0002, 0x0010}, "UI", transfer_syntax));
    put(meta, text({0x0002, 0x0012}, "UI", "1.2.752.24.9.1"));
    put(meta, text({0x0002, 0x0016}, "AE", "METASENDER"));
    put(meta, text({0x0002, 0x0100}, "UI", "1.2.752.24.9.2"));
    put(meta, text({0x0002, 0x0102}, "OB", "METAPRIVATE!"));
    const auto rest = fiona::anonymize::write_data_set(meta, Encoding::explicit_little);
    Item length;
    put(length, text({0x0002, 0x0000}, "UL",
                     std::string{static_cast<char>(rest.size() & 0xffU),
                                 static_cast<char>(rest.size() >> 8U & 0xffU), '\0', '\0'}));
    std::string bytes = "PREAMBLE-PHI";
    bytes.resize(128, 'P');
    bytes += "DICM" + fiona::anonymize::write_data_set(length, Encoding::explicit_little) + rest;
    const bool is_big = transfer_syntax == uid_of(Syntax::explicit_big);
    const bool is_implicit = transfer_syntax == uid_of(Syntax::implicit);
    const auto encoding = is_big        ? Encoding::explicit_big
                          : is_implicit ? Encoding::implicit_little
                                        : Encoding::explicit_little;
    Made made{file, pixels};
    Item trailer;
    put(trailer, text({0xfffc, 0xfffc}, "OB", "TRAILINGPHI!"));
    const auto data = fiona::anonymize::write_data_set(root, encoding) + made.pixels
                      + fiona::anonymize::write_data_set(trailer, encoding);
    bytes += transfer_syntax == uid_of(Syntax::deflated) ? deflated(data) : data;
    std::ofstream{file, std::ios::binary} << bytes;
    return made;
}

fiona::anonymize::Settings settings(const fs::path& directory)
{
    const auto key = directory / "test.key";
    if (!fs::exists(key)) {
        fiona::store::write_file(key, std::string(32, 'k'), 0600);
    }
    fiona::anonymize::Settings made{.project = fiona::ProjectName{"GLIOMA"},
                                    .participant = fiona::ParticipantId{"GLI_001"},
                                    .event = fiona::EventName{"baseline"}};
    made.key_file = key;
    made.date_shift = {fiona::anonymize::DateShift::Kind::fixed, 42};
    const fs::path share{FIONA_SOURCE_DIR "/share/profiles"};
    made.profiles = {share / "profile.csv"};
    made.safe_private = share / "safe-private.csv";
    return made;
}

std::string slurp(const fs::path& file)
{
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::pair<std::string, std::string>> tree(const fs::path& directory)
{
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file()) {
            files.emplace_back(fs::relative(entry.path(), directory).native(), slurp(entry.path()));
        }
    }
    std::ranges::sort(files);
    return files;
}

} // namespace phantom

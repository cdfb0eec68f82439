// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/residual.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/facts.h"
#include "libfiona/anonymize/plan.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/anonymize/text_encoding.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <fstream>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t block_bytes = std::size_t{4} << 20U;
constexpr std::size_t overlap_bytes = 256; // longer than any identifier

class Search {
public:
    explicit Search(const Identity& identity) : m_identity{identity} {}

    ResidueReport run(const fs::path& root)
    {
        std::error_code problem;
        if (!fs::is_directory(root, problem)) {
            look_into(root);
            return std::move(m_report);
        }
        for (const auto& entry : fs::recursive_directory_iterator{root}) {
            const auto& path = entry.path();
            look_at_name(path, path.filename().native(), "name");
            if (entry.is_symlink(problem)) {
                look_at_name(path, fs::read_symlink(path, problem).native(), "target of a link");
            } else if (entry.is_regular_file(problem)) {
                look_into(path);
            }
        }
        return std::move(m_report);
    }

private:
    void found(const fs::path& file, std::string where, std::string_view what)
    {
        for (const auto& known : m_report.found) {
            if (known.file == file && known.where == where && known.what == what) {
                return;
            }
        }
        m_report.found.push_back({file, file.parent_path(), std::move(where), std::string{what}});
    }

    /// A name that holds an identifier is not repeated: its directory is named.
    void look_at_name(const fs::path& path, const std::string& text, const char* where)
    {
        const auto folded = fold(text);
        for (const auto& hit : m_identity.find(folded)) {
            if (hit.is_certain) {
                m_report.found.push_back(
                    {{}, path.parent_path(), where, std::string{name_of(hit.kind)}});
                return;
            }
        }
        if (!m_identity.find_uids(folded.text).empty()) {
            m_report.found.push_back({{}, path.parent_path(), where, "an original UID"});
        }
    }

    void look_into(const fs::path& file)
    {
        ++m_report.files;
        std::optional<Layout> layout;
        try {
            layout = examine(file);
        } catch (const Error& error) {
            if (error.fault() != Fault::data) {
                throw;
            }
        }
        if (!layout) {
            look_at_bytes(file);
            return;
        }
        m_report.bytes += layout->file_bytes;
        const SourceFile source{file, *layout};
        const auto parsed = read_data_set(source.header(), layout->encoding);
        look_at_item(file, parsed.root, Charset{declared_charset(parsed.root, "")}, "");
        const auto head = read_head(file, layout->data_set_offset);
        search(file, head, "meta header", Reading::latin1);
    }

    static std::string read_head(const fs::path& file, std::uint64_t bytes)
    {
        std::ifstream in{file, std::ios::binary};
        std::string head(bytes, '\0');
        in.read(head.data(), static_cast<std::streamsize>(head.size()));
        return head;
    }

    void look_at_item(const fs::path& file, const Item& item, const Charset& around,
                      const std::string& path)
    {
        std::optional<Charset> own;
        if (const auto declared = declared_charset(item, ""); !declared.empty()) {
            own.emplace(declared);
        }
        const auto& charset = own ? *own : around;
        for (const auto& element : item.elements) {
            const auto here =
                path + fmt::format("{:04X},{:04X}", element.tag.group, element.tag.element);
            for (const auto& nested : element.items) {
                look_at_item(file, nested, charset, here + ">");
            }
            if (!element.is_sequence) {
                look_at_value(file, element, charset, here);
            }
        }
    }

    void look_at_value(const fs::path& file, const Element& element, const Charset& charset,
                       const std::string& where)
    {
        const auto value = trimmed(element.stored);
        if (element.vr == Vr{"CS"} && are_defined_terms(value)) {
            return;
        }
        if (is_encoded_text(element.vr)) {
            const auto text = charset.decode(value, element.vr).utf8;
            search(file, text, where, Reading::utf8);
        } else {
            const bool is_number = !is_string(element.vr) || element.vr == Vr{"IS"}
                                   || element.vr == Vr{"DS"} || element.vr == Vr{"TM"};
            search(file, value, where, Reading::latin1, is_number ? Chance::likely : Chance::none);
            if (!is_string(element.vr)) { // UTF-16, as in colour profiles
                search(file, narrowed(element.stored), where, Reading::latin1, Chance::likely);
            }
        }
    }

    void look_at_bytes(const fs::path& file)
    {
        std::ifstream in{file, std::ios::binary};
        std::string block;
        std::uint64_t offset = 0;
        std::vector<char> buffer(block_bytes);
        while (in) {
            in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
            const auto count = static_cast<std::size_t>(in.gcount());
            m_report.bytes += count;
            block.append(buffer.data(), count);
            const auto where = fmt::format("bytes {} and on", offset);
            search(file, block, where, Reading::utf8);
            search(file, block, where, Reading::latin1);
            const auto kept = std::min(block.size(), overlap_bytes);
            offset += block.size() - kept;
            block.erase(0, block.size() - kept);
        }
        if (!in.eof()) {
            throw Error{Fault::io, "{}: cannot be read", file.native()};
        }
    }

    enum class Chance { none, likely }; ///< numbers and samples spell short words by chance

    void search(const fs::path& file, std::string_view text, const std::string& where,
                Reading reading, Chance chance = Chance::none)
    {
        constexpr std::size_t least_by_chance = 8;
        const auto folded = fold(text, reading);
        for (const auto& hit : m_identity.find(folded)) {
            const bool is_short = hit.range.end - hit.range.begin < least_by_chance;
            if (hit.is_certain && !hit.touches_digits && !(chance == Chance::likely && is_short)) {
                found(file, where, name_of(hit.kind));
            }
        }
        if (!m_identity.find_uids(folded.text).empty()) {
            found(file, where, "an original UID");
        }
    }

    const Identity& m_identity;
    ResidueReport m_report;
};

} // namespace

Identity identity_of(const KnownIdentity& known, const Profile& profile)
{
    static_cast<void>(Attributes::standard());
    Facts facts;
    for (const auto& root : known.originals) {
        for (const auto& file : input_files(root)) {
            try {
                const auto layout = examine(file);
                const SourceFile source{file, layout};
                facts.add(read_data_set(source.header(), layout.encoding).root, profile);
            } catch (const Error& error) { // what is no DICOM tells nothing
                if (error.fault() != Fault::data) {
                    throw;
                }
            }
        }
    }
    for (const auto& file : known.given) {
        facts.add(json::parse(read_file(file), file.native()));
    }
    auto harmless = known.harmless;
    harmless.insert(harmless.end(),
                    {std::string{dummy_text}, "EventName:", "FIONA deid PS3.15 profile"});
    Identity identity{facts.identity, harmless};
    if (identity.size() == 0) {
        throw Error{Fault::data,
                    "nothing identifying is known; name originals or a file of values"};
    }
    return identity;
}

ResidueReport find_residue(const fs::path& root, const Identity& identity)
{
    std::error_code problem;
    if (!fs::exists(root, problem)) {
        throw Error{Fault::missing, "{}: not there", root.native()};
    }
    return Search{identity}.run(root);
}

} // namespace fiona::anonymize

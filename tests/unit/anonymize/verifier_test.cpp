// SPDX-License-Identifier: MIT
// The last gate by itself: outputs that a broken rewriter would leave.
#include "libfiona/anonymize/facts.h"
#include "libfiona/anonymize/inputs.h"
#include "libfiona/anonymize/rewriter.h"
#include "libfiona/anonymize/verifier.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fiona;
using namespace fiona::anonymize;
using phantom::put;
using phantom::text;

namespace {

/// The phantom, brought through the rewriter; the verifier is asked about what is then done to it.
class Gate {
public:
    Gate()
    {
        auto original = phantom::image();
        Item reference;
        put(reference, text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
        put(reference, text({0x0008, 0x1155}, "UI", "1.2.752.24.5.111111.9"));
        put(original, phantom::sequence({0x0008, 0x1140}, {reference}));
        m_header = write_data_set(original, Encoding::explicit_little);
        facts.add(read_data_set(m_header, Encoding::explicit_little).root, m_profile);
    }

    using Tamper = std::function<void(Item&)>;
    /// `head`: what is at the start of the file, preamble and meta header.
    [[nodiscard]] std::vector<Finding> findings(const Tamper& tamper,
                                                const std::string& head = clean_head())
    {
        const auto plan = make_plan(facts, m_settings, m_profile, m_dates, m_uids);
        auto parsed = read_data_set(m_header, Encoding::explicit_little);
        static_cast<void>(Rewriter{plan, {}}.rewrite(parsed.root));
        tamper(parsed.root);
        const auto bytes = head + write_data_set(parsed.root, Encoding::explicit_little);
        return verify({bytes, head.size(), Encoding::explicit_little, tables}, plan);
    }
    static std::string clean_head() { return std::string(128, '\0') + "DICM"; }

    Facts facts;
    OffsetTables tables = OffsetTables::none_or_bad;

private:
    TempDir m_directory;
    Settings m_settings = phantom::settings(m_directory.path);
    std::vector<std::byte> m_key = read_key(m_settings);
    Profile m_profile = Profile::load(m_settings.profiles, m_settings.safe_private);
    DateMover m_dates{m_settings.date_shift, m_settings.project, m_settings.participant, m_key};
    UidMap m_uids{m_settings.scheme, m_settings.project.str(), m_key};
    std::string m_header; ///< what the phantom's values look at
};

void nothing(Item& /*root*/) {}

Item& first_item(Item& root, Tag sequence)
{
    for (auto& element : root.elements) {
        if (element.tag == sequence) {
            return element.items.front();
        }
    }
    throw std::logic_error{"no such sequence"};
}

bool has(const std::vector<Finding>& findings, const std::string& path, const std::string& what)
{
    return std::ranges::any_of(findings, [&](const Finding& finding) {
        return finding.path == path && finding.what == what;
    });
}

} // namespace

TEST_CASE("what the rewriter makes of the phantom is proven clean")
{
    Gate gate;
    const auto findings = gate.findings(nothing);
    CAPTURE(findings.empty() ? "" : findings.front().path + " " + findings.front().what);
    CHECK(findings.empty());
}

TEST_CASE("what a broken rewriter would leave is found in its place")
{
    struct Leak {
        std::string path;
        std::string what;
        Gate::Tamper tamper;
    };
    const auto leak = GENERATE(values<Leak>({
        {"0010,0010", "a name of a person",
         [](Item& root) {
             put(root, text({0x0010, 0x0010}, "PN", "Pr\xf8ve^Kari"));
         }},
        {"0008,1048", "a name of a person", // of nobody who is known
         [](Item& root) {
             put(root, text({0x0008, 0x1048}, "PN", "Somebody^Else"));
         }},
        {"0018,1030", "a part of a name",
         [](Item& root) {
             put(root, text({0x0018, 0x1030}, "LO", "T1 PR\xd8VE axial"));
         }},
        {"0018,1030", "an identifier",
         [](Item& root) {
             put(root, text({0x0018, 0x1030}, "LO", "of PID998877"));
         }},
        {"0008,0020", "an original date",
         [](Item& root) {
             put(root, text({0x0008, 0x0020}, "DA", "20240120"));
         }},
        {"0020,000D", "an original UID",
         [](Item& root) {
             put(root, text({0x0020, 0x000d}, "UI", "1.2.752.24.5.111111.1"));
         }},
        {"0008,0018", "an original UID", // that nobody has seen, nor made
         [](Item& root) {
             put(root, text({0x0008, 0x0018}, "UI", "1.2.826.0.1.77"));
         }},
        {"0008,1140>0008,1155", "an original UID",
         [](Item& root) {
             put(first_item(root, {0x0008, 0x1140}),
                 text({0x0008, 0x1155}, "UI", "1.2.752.24.5.111111.9"));
         }},
        {"0010,1040", "an element that must not be there",
         [](Item& root) {
             put(root, text({0x0010, 0x1040}, "LO", "Lane 1"));
         }},
        {"0008,0004", "an element that must not be there", // in no dictionary
         [](Item& root) {
             put(root, text({0x0008, 0x0004}, "LO", "x"));
         }},
        {"0011,1001", "a private element that is not allowed",
         [](Item& root) {
             put(root, text({0x0011, 0x0010}, "LO", "ACME"));
             put(root, text({0x0011, 0x1001}, "LO", "x"));
         }},
        {"0011,0010", "a private block without allowed elements",
         [](Item& root) {
             put(root, text({0x0011, 0x0010}, "LO", "ACME"));
         }},
        {"0008,1070", "a value that must be empty",
         [](Item& root) {
             put(root, text({0x0008, 0x1070}, "PN", "ANONYMIZED"));
         }},
        {"0028,3006", "an identifier", // in bytes, as UTF-16
         [](Item& root) {
             std::string wide;
             for (const char letter : std::string{"PID998877X"}) {
                 wide += letter;
                 wide += '\0';
             }
             put(root, text({0x0028, 0x3006}, "OW", wide));
         }},
        {"7FE0,0001", "an element that must not be there",
         [](Item& root) {
             put(root, text({0x7fe0, 0x0001}, "OV", std::string(8, '\0')));
         }},
        {"0012,0062", "lacks what was to be written",
         [](Item& root) {
             put(root, text({0x0012, 0x0062}, "CS", "NO"));
         }},
        {"0010,0020", "lacks what was to be written",
         [](Item& root) {
             put(root, text({0x0010, 0x0020}, "LO", "OTHER_001"));
         }},
    }));
    Gate gate;

    const auto findings = gate.findings(leak.tamper);

    CAPTURE(leak.path, leak.what);
    CHECK(has(findings, leak.path, leak.what));
}

TEST_CASE("an identifier before the data set is found, and a preamble that is not empty")
{
    Gate gate;
    auto head = Gate::clean_head();
    head.replace(0, 8, "PREAMBLE");
    CHECK(has(gate.findings(nothing, head), "file", "a preamble that is not empty"));
    CHECK(has(gate.findings(nothing, Gate::clean_head() + " PID998877 "), "meta header",
              "an identifier"));
}

TEST_CASE("an offset table that names its fragments may stay, at the top level only")
{
    Gate gate;
    gate.tables = OffsetTables::sound;
    const auto table = text({0x7fe0, 0x0001}, "OV", std::string(8, '\0'));
    CHECK(gate.findings([&](Item& root) { put(root, table); }).empty());
    CHECK(has(gate.findings([&](Item& root) {
        put(first_item(root, {0x0008, 0x1140}), table);
    }),
              "0008,1140>7FE0,0001", "an element that must not be there"));
}

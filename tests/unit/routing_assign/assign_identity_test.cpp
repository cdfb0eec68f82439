// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/routing/assign_identity.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

using namespace fiona;

namespace {

constexpr const char* study = "1.2.3";

routing::StudyIdentity identity(const SortedSite& site)
{
    return {store::StudyTree{site.paths}, StudyUid{study}};
}

} // namespace

TEST_CASE("a participant id that is the patient's id or name in any writing is refused")
{
    const SortedSite site;
    site.sort(study, "1.2.3.1", "1.2.3.1.1");
    const auto* const id = GENERATE("TESTID001", "testid001", "TESTID-001", "DOE_JANE", "doejane",
                                    "Jane", "DOE", "X_TESTID001_V2");
    CAPTURE(id);

    try {
        identity(site).refuse_if_equal(ParticipantId{id});
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        CHECK(std::string_view{e.what()}.find(id) == std::string_view::npos);
    }
}

TEST_CASE("a pseudonym passes, also one that holds a part of a name by chance")
{
    const SortedSite site;
    site.sort(study, "1.2.3.1", "1.2.3.1.1");

    CHECK_NOTHROW(identity(site).refuse_if_equal(ParticipantId{"DEMO_001"}));
    CHECK_NOTHROW(identity(site).refuse_if_equal(ParticipantId{"DOELLE_001"}));
}

TEST_CASE("the patient of every series counts, not only of the first")
{
    const SortedSite site;
    site.sort(study, "1.2.3.1", "1.2.3.1.1");
    site.sort(study, "1.2.3.2", "1.2.3.2.1", {{"PatientID", "OTHER77"}, {"PatientName", ""}});

    CHECK_THROWS_AS(identity(site).refuse_if_equal(ParticipantId{"OTHER77"}), Error);
}
